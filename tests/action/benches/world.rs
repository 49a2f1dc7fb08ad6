//! A simulated AWS on loopback, served by the benchmark's own process.

use ami_share_sim::loopback::Server;
use ami_share_sim::{Options, Scenario, Sim};
use tokio::task::JoinHandle;

use super::A;

pub(super) struct World {
    pub(super) sim: Sim,
    pub(super) endpoint: String,
    /// The ID of the image that is shared.
    pub(super) image: String,
    serving: JoinHandle<()>,
}

impl World {
    /// A world of its own, whose image is `golden`.
    pub(super) async fn serve(scenario: Scenario, options: Options) -> Self {
        Self::of(Sim::new(scenario, options), "golden").await
    }

    pub(super) async fn of(sim: Sim, image: &str) -> Self {
        let server = Server::bind(sim.clone(), ([127, 0, 0, 1], 0).into())
            .await
            .unwrap();
        Self {
            endpoint: format!("http://{}", server.address().unwrap()),
            image: sim.facts().images[image].clone(),
            serving: tokio::spawn(server.run()),
            sim,
        }
    }

    /// The access key of account A, and its secret.
    pub(super) fn keys(&self) -> (&str, &str) {
        let keys = &self.sim.facts().accounts[A];
        (&keys.access_key_id, &keys.secret_access_key)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
