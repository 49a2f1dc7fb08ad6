//! The images that a run may retire, and what holds them back.

mod holds;
mod named;

use futures::future;

use self::holds::read_holds;
use super::{Asking, observe};
use crate::diagnostic::{Error, Errors};
use crate::id::Region;
use crate::inventory::{Failure, Image, Inventory, Part, Retirement};
use crate::plan::{self, Standing};
use crate::request::{Retire, ShareRequest};
use crate::run::Run;

/// An image that everybody is to lose.
struct DueImage<'a> {
    region: &'a Region,
    image: &'a Image,
    /// Since when it is disabled, if it is.
    disabled_since: Option<i64>,
}

/// Reads what a retirement concerns: the images of its groups, what holds back those that are due,
/// and the access that everybody loses. Returns the request for the images that are taken.
pub(crate) async fn observe_retirement(
    run: &Run<'_>,
    request: &ShareRequest,
    retire: &Retire,
    asking: Asking,
) -> Result<(ShareRequest, Inventory), Errors> {
    // 1. The images with the tags. What was not read is retired by no run.
    let mut retirement = Retirement {
        now: run.source.now(),
        ..Retirement::default()
    };
    let mut failures = Vec::new();
    let mut reading = Vec::new();
    for region in request.regions() {
        reading.push(async move {
            let read = read_images(run, &region, retire).await;
            (region, read)
        });
    }
    for (region, read) in future::join_all(reading).await {
        match read {
            Ok(images) => _ = retirement.images.insert(region, images),
            Err(error) => failures.push(Failure::new(Part::Region(region), error)),
        }
    }

    // 2. What holds back those that everybody is to lose.
    let due = list_due(retire, &retirement);
    let holds = read_holds(run, request, &retirement, &due, asking).await?;
    retirement.holds = holds;

    // 3. The access to the others.
    let request = request.retiring(plan::images_to_take(retire, &retirement));
    let mut inventory = observe(run, &request, false).await?;
    inventory.failures.extend(failures);
    inventory.retirement = retirement;
    Ok((request, inventory))
}

/// The account's images in a Region that have the tags.
async fn read_images(run: &Run<'_>, region: &Region, retire: &Retire) -> Result<Vec<Image>, Error> {
    // AWS takes `*` and `?` in values for wildcards, so that there may be more.
    let Some((key, value)) = retire.tags.first_key_value() else {
        return Ok(Vec::new());
    };
    let ec2 = &run.source_clients(region).ec2;
    let mut images = ec2.own_images_tagged(key, vec![value.clone()]).await?;
    let account = run.source.identity.account.as_ref();
    images.retain(|image| image.owner == account && retire.concerns(&image.tags));
    Ok(images)
}

fn list_due<'a>(retire: &Retire, retirement: &'a Retirement) -> Vec<DueImage<'a>> {
    let mut due = Vec::new();
    for (region, image, standing) in plan::judge_images(retire, retirement) {
        let disabled_since = match standing {
            Standing::Disable(_) => None,
            Standing::Deregister(since) => Some(since),
            _ => continue,
        };
        due.push(DueImage {
            region,
            image,
            disabled_since,
        });
    }
    due
}
