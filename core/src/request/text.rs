//! Durations as text, such as `90s` or `5s..1m`, where a request is read or written.

use std::time::Duration;

use serde::{Deserialize as _, Deserializer, Serializer};

/// One duration.
pub(super) mod duration {
    use super::{Deserializer, Duration, Serializer, parse, read};

    pub(in super::super) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(*duration))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        parse(&read(deserializer)?)
    }
}

/// A duration that may be missing.
pub(super) mod optional_duration {
    use serde::{Deserialize as _, Serialize as _};

    use super::{Deserializer, Duration, Serializer, TextDuration};

    #[expect(clippy::ref_option, reason = "serde asks for it")]
    pub(in super::super) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        duration.map(TextDuration).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let duration = Option::<TextDuration>::deserialize(deserializer)?;
        Ok(duration.map(|TextDuration(duration)| duration))
    }
}

/// A duration that is written and read as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TextDuration(pub(crate) Duration);

impl serde::Serialize for TextDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        duration::serialize(&self.0, serializer)
    }
}

impl<'de> serde::Deserialize<'de> for TextDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        duration::deserialize(deserializer).map(Self)
    }
}

/// A shortest and a longest one.
pub(super) mod range {
    use super::{Deserializer, Duration, Serializer, parse, read};

    pub(in super::super) fn serialize<S: Serializer>(
        (shortest, longest): &(Duration, Duration),
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let shortest = humantime::format_duration(*shortest);
        let longest = humantime::format_duration(*longest);
        serializer.collect_str(&format_args!("{shortest}..{longest}"))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<(Duration, Duration), D::Error> {
        let text = read(deserializer)?;
        let (shortest, longest) = text.split_once("..").unwrap_or((&text, &text));
        Ok((parse(shortest)?, parse(longest)?))
    }
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer)
}

fn parse<E: serde::de::Error>(text: &str) -> Result<Duration, E> {
    humantime::parse_duration(text.trim())
        .map_err(|error| E::custom(format_args!("`{text}` is not a duration: {error}")))
}
