//! The images of a request, and its Regions.

use std::collections::BTreeSet;

use super::ShareRequestBuilder;
use crate::id::{AmiId, ImageParameter, Region, SourceImage};

impl ShareRequestBuilder {
    /// Sets the Region of images that are given without one.
    #[must_use]
    pub fn region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// Adds an image.
    #[must_use]
    pub fn image(self, image: AmiId) -> Self {
        self.images([image])
    }

    /// Adds images.
    #[must_use]
    pub fn images(mut self, images: impl IntoIterator<Item = AmiId>) -> Self {
        self.images
            .extend(images.into_iter().map(|image| (None, image)));
        self
    }

    /// Adds an image in a Region of its own.
    #[must_use]
    pub fn image_in(mut self, region: Region, image: AmiId) -> Self {
        self.images.push((Some(region), image));
        self
    }

    /// Adds the image that an SSM parameter of the source account holds when the run begins
    /// (`ssm:GetParameter`). The name may have a version or a label behind a colon.
    #[must_use]
    pub fn image_of_parameter(mut self, region: Option<Region>, name: impl Into<String>) -> Self {
        self.image_parameters.push((region, name.into()));
        self
    }

    /// The images with their Regions; those without any Region are left out.
    pub(in crate::request) fn located(&self) -> impl Iterator<Item = SourceImage> {
        self.images.iter().filter_map(|(region, ami)| {
            let region = region.clone().or_else(|| self.region.clone())?;
            Some(SourceImage {
                region,
                ami: ami.clone(),
            })
        })
    }

    /// The parameters with their Regions; those without any Region are left out.
    pub(in crate::request) fn located_parameters(&self) -> impl Iterator<Item = ImageParameter> {
        self.image_parameters.iter().filter_map(|(region, name)| {
            let region = region.clone().or_else(|| self.region.clone())?;
            let name = name.clone();
            Some(ImageParameter { region, name })
        })
    }

    /// The Region that questions about the whole run are asked in: that of the first image, or of
    /// the run itself if it names none.
    pub(in crate::request) fn home(&self) -> Option<Region> {
        let image = self.located().next().map(|image| image.region);
        let parameter = || Some(self.located_parameters().next()?.region);
        match self.options.retire {
            Some(_) => self.region.clone(),
            None => image.or_else(parameter),
        }
    }

    /// The Regions of the run that are known.
    pub(in crate::request) fn regions(&self) -> BTreeSet<Region> {
        let parameters = self.located_parameters();
        self.located()
            .map(|image| image.region)
            .chain(parameters.map(|parameter| parameter.region))
            .chain(self.options.copy_to_regions.iter().cloned())
            .chain(self.home())
            .collect()
    }

    /// Those in which something is shared: without the source, where copies have a key.
    pub(in crate::request) fn shared_regions(&self) -> BTreeSet<Region> {
        let mut regions = self.regions();
        if !self.options.share_source {
            regions.retain(|region| self.options.keys.in_region(region).is_some());
        }
        regions
    }
}
