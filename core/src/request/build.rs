//! From what was collected to a request, if nothing is wrong with it.

use std::time::SystemTime;

use super::builder::ShareRequestBuilder;
use super::{Problems, ShareRequest, check};
use crate::request::name::NameTemplate;

impl ShareRequestBuilder {
    /// Returns every problem of what was collected so far, without a call to AWS.
    pub fn validate(&self) -> Problems {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        check::problems(self, i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
    }

    /// Checks and returns the request.
    ///
    /// # Errors
    /// Every problem that [`validate`](Self::validate) finds.
    pub fn build(self) -> Result<ShareRequest, Problems> {
        let problems = self.validate();
        let copy_name = NameTemplate::for_images(&self.copy_name);
        let parameter = self
            .parameter
            .as_deref()
            .map(NameTemplate::for_parameters)
            .transpose();
        let (Ok(copy_name), Ok(parameter), Some(home), true) =
            (copy_name, parameter, self.home(), problems.0.is_empty())
        else {
            return Err(problems);
        };
        Ok(ShareRequest {
            home,
            images: self.located().collect(),
            image_parameters: self.located_parameters().collect(),
            copy_name,
            parameter,
            options: self.options,
            expansion: None,
        })
    }
}
