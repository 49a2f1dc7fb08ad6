//! Stable codes: enums whose members have a text that never changes, a meaning and a remedy.

/// Defines an enum of stable codes: of each its meaning and its text.
macro_rules! codes {
    ($(#[doc = $doc:literal])* $name:ident {
        $($(#[doc = $meaning:literal])+ $variant:ident => $text:literal,)+
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[doc = $meaning])+ $variant,)+ }

        impl $name {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code as users and reports see it; it never changes its meaning.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// What it means.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($meaning),+).trim_ascii(),)+ }
            }

        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                ::schemars::json_schema!({ "type": "string", "enum": [$($text),+] })
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}
pub(crate) use codes;

/// Defines codes with what to do about each. `docs/FINDINGS.md` is made of them.
macro_rules! remedied {
    ($(#[doc = $doc:literal])* $name:ident {
        $($(#[doc = $meaning:literal])+ $variant:ident => $text:literal: $remedy:literal;)+
    }) => {
        $crate::diagnostic::code::codes! {
            $(#[doc = $doc])*
            $name { $($(#[doc = $meaning])+ $variant => $text,)+ }
        }

        impl $name {
            /// What to do about it; where more is known, the one that carries the code says it more
            /// exactly.
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }
        }
    };
}
pub(crate) use remedied;

/// Defines the codes of findings: after each its severities; where there are two, the client
/// decides.
macro_rules! findings {
    ($(#[doc = $doc:literal])* $name:ident {
        $(
            $(#[doc = $meaning:literal])+
            $variant:ident => $text:literal, $($severity:ident)|+: $remedy:literal;
        )+
    }) => {
        $crate::diagnostic::code::remedied! {
            $(#[doc = $doc])*
            $name { $($(#[doc = $meaning])+ $variant => $text: $remedy;)+ }
        }

        impl $name {
            /// What it can mean for a plan.
            pub fn severities(self) -> &'static [Severity] {
                match self { $(Self::$variant => &[$(Severity::$severity),+],)+ }
            }
        }
    };
}
pub(super) use findings;
