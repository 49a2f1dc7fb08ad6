//! What is shared with organizations and their units: AWS lists nothing by that, so each image is
//! asked. Where there are many, only those are that can matter.

use std::collections::BTreeSet;

use super::search::Search;
use crate::diagnostic::Error;
use crate::id::KeyArn;
use crate::inventory::Image;
use crate::limits::FILTER_VALUES;

/// So many images are asked in any case: an organization may be able to launch one of them although
/// no statement of the key lets it use that.
const FEW_IMAGES: usize = 8;
/// How many images are asked at once.
const AT_ONCE: usize = 32;

impl Search<'_> {
    /// Asks the images under keys for which nothing was found yet. Returns the keys under which
    /// there are too many.
    pub(super) async fn ask_images(&mut self) -> Result<BTreeSet<KeyArn>, Error> {
        let mut unasked = BTreeSet::new();
        let keys: BTreeSet<KeyArn> = self.open.iter().map(|loss| loss.key.clone()).collect();
        for key in keys {
            self.read_all_keys().await?;
            if !self.ask_images_under(&key).await? {
                unasked.insert(key);
            }
        }
        Ok(unasked)
    }

    /// Asks the images under a key, until something was found for everybody who is to lose it.
    /// Returns whether that was done.
    async fn ask_images_under(&mut self, key: &KeyArn) -> Result<bool, Error> {
        let mut losses = self.open.iter().filter(|loss| &loss.key == key);
        let asks_all = losses.any(|loss| loss.asks_all);
        let Some(images) = self.list_images_under(key, asks_all).await? else {
            return Ok(false);
        };
        if !asks_all && images.len() > FEW_IMAGES {
            return Ok(false);
        }
        for images in images.chunks(AT_ONCE) {
            if !self.is_open(key) {
                break;
            }
            self.ask(images).await?;
        }
        Ok(true)
    }

    /// The other images under a key. `None` if there are more than a call can name, and not all are
    /// asked for.
    async fn list_images_under(
        &self,
        key: &KeyArn,
        all: bool,
    ) -> Result<Option<Vec<Image>>, Error> {
        let snapshots = self.others_under(key);
        let ec2 = &self.clients.ec2;
        let mut images = if snapshots.is_empty() {
            Vec::new()
        } else if snapshots.len() <= FILTER_VALUES {
            ec2.own_images_of(snapshots).await?
        } else if all {
            ec2.own_encrypted_images().await?
        } else {
            return Ok(None);
        };
        images.retain(|image| self.is_other(image) && self.open_keys_of(image).contains(key));
        Ok(Some(images))
    }
}
