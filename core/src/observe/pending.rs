//! Waits for the images of a request that are still being made, but not for ever: one that stays
//! pending does not keep the others from being shared.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::{self, Instant};

use crate::aws::clients::RegionClients;
use crate::diagnostic::{Code, Error};
use crate::id::AmiId;
use crate::inventory::{Image, ImageState};
use crate::run::Run;

/// How long a run waits for pending images: until its deadline, but once any image of the request
/// is there, only for three quarters of its time. The rest is for those that are there.
#[derive(Debug)]
pub(super) struct Patience {
    ends: Instant,
    any_available: watch::Sender<bool>,
}

impl Patience {
    pub(super) fn of(run: &Run<'_>) -> Self {
        Self {
            ends: Instant::now() + run.timing.timeout.mul_f64(0.75),
            any_available: watch::Sender::new(false),
        }
    }

    fn note(&self, image: &Result<Image, Error>) {
        let is_available = |image: &Image| image.state == ImageState::Available;
        if image.as_ref().is_ok_and(is_available) {
            self.any_available.send_replace(true);
        }
    }

    async fn is_over(&self) {
        time::sleep_until(self.ends).await;
        let mut any_available = self.any_available.subscribe();
        // The sender lives as long as this does.
        let _ = any_available.wait_for(|any| *any).await;
    }
}

/// Waits for the images that are pending, each by itself. One that outlasts the patience is an
/// error in its place.
pub(super) async fn await_images(
    run: &Run<'_>,
    clients: &RegionClients,
    patience: &Patience,
    images: &mut BTreeMap<AmiId, Result<Image, Error>>,
) {
    let mut settling = FuturesUnordered::new();
    for (id, image) in images.iter() {
        patience.note(image);
        let is_pending = |image: &Image| image.state == ImageState::Pending;
        if image.as_ref().is_ok_and(is_pending) {
            let id = id.clone();
            settling.push(async move {
                let settled = run.settled_image(clients, &id, "to be available").await;
                (id, settled.transpose())
            });
        }
    }
    let watching = run.watch(vec![run.source_clients(&clients.location.region)]);
    let mut watching = Box::pin(watching);
    let mut over = Box::pin(patience.is_over());
    while !settling.is_empty() {
        tokio::select! {
            Some((id, image)) = settling.next() => {
                let image = image.unwrap_or_else(|| Err(gone(clients, &id)));
                patience.note(&image);
                images.insert(id, image);
            }
            () = &mut watching => {}
            () = &mut over => break,
        }
    }
    if settling.is_empty() {
        return;
    }
    drop(settling);
    for (id, image) in images.iter_mut() {
        let is_pending = |image: &Image| image.state == ImageState::Pending;
        if image.as_ref().is_ok_and(is_pending) {
            run.progress.arrived(id);
            *image = Err(still_pending(clients, id));
        }
    }
}

fn gone(clients: &RegionClients, id: &AmiId) -> Error {
    let message = format!("{id} was pending, and AWS does not show it any more");
    Error::new(Code::ImageNotFound, message)
        .remedy("find out who deregistered it (CloudTrail, `DeregisterImage`), and build it again")
        .at(&clients.location.account, &clients.location.region)
        .on(id)
}

fn still_pending(clients: &RegionClients, id: &AmiId) -> Error {
    let message = format!(
        "{id} is still pending after three quarters of the run's `timeout`; the run goes on \
         without it, for the sake of the images that are there"
    );
    Error::new(Code::Deadline, message)
        .remedy("run again when the image is available, or raise `timeout`")
        .at(&clients.location.account, &clients.location.region)
        .on(id)
}
