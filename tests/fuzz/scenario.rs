//! Any text as a scenario of the simulated AWS: a world, or a message.

use ami_share_sim::{Options, Scenario, Sim};

#[allow(
    unreachable_pub,
    reason = "it can be called from a crate of fuzz targets"
)]
pub fn check_scenario(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    match Scenario::parse(text) {
        Ok(scenario) => {
            let sim = Sim::new(scenario, Options::default());
            assert!(!sim.facts().region.is_empty());
            sim.state();
        }
        Err(message) => assert!(!message.is_empty() && message.len() < 10_000),
    }
}
