//! In place of the SDK's crate of this name: no profile names a Region.

pub mod meta {
    pub mod region {
        pub trait ProvideRegion {
            fn region(&self) -> impl Future<Output = Option<String>>;
        }
    }
}

pub mod profile {
    pub mod region {
        use crate::aws_config::meta::region::ProvideRegion;

        pub struct ProfileFileRegionProvider;

        impl ProfileFileRegionProvider {
            pub fn new() -> Self {
                Self
            }
        }

        impl ProvideRegion for ProfileFileRegionProvider {
            async fn region(&self) -> Option<String> {
                None
            }
        }
    }
}
