//! What is known of the images that a run may retire.

use std::collections::BTreeMap;

use super::Image;
use crate::diagnostic::Error;
use crate::id::{AmiId, Region};

/// The images that a run may retire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Retirement {
    /// The time that the ages of images count to, in seconds since 1970.
    pub(crate) now: i64,
    /// The account's images in each Region that have the tags of the request.
    pub(crate) images: BTreeMap<Region, Vec<Image>>,
    /// Of each image that would go further than deprecated: what holds it back. What is not here
    /// was not looked at.
    pub(crate) holds: BTreeMap<(Region, AmiId), Vec<Hold>>,
}

/// What keeps an image from going further than it is.
#[derive(Clone, Debug)]
pub(crate) enum Hold {
    /// Somebody uses it, or something names it: in words.
    Use(String),
    /// A snapshot of it is locked: in words.
    Lock(String),
    /// Whether there is such a thing is not known.
    Unknown {
        error: Error,
        /// Whether only a dry run does not know it, because it asks AWS nothing.
        will_be_asked: bool,
    },
}

impl Hold {
    /// Whether a run would not go on with the image, as far as is known now.
    pub(crate) fn is_final(&self) -> bool {
        !matches!(
            self,
            Self::Unknown {
                will_be_asked: true,
                ..
            }
        )
    }
}
