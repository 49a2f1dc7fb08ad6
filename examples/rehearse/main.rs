//! What happens to a real user, on a simulated AWS: Account B cannot launch Account A's encrypted
//! image, the action shares it, B launches it, and a second run changes nothing. No credentials, no
//! network, no server.

mod stage;

use std::time::Duration;

use stage::{A, B, Stage};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // The waits of the run are real ones; this time need not pass.
    tokio::time::pause();
    let stage = Stage::set();
    let golden = stage.image("golden");

    Stage::say(
        "This is a rehearsal on a simulated AWS. Every answer below is the simulation's, none is \
         AWS's.\n",
    );
    Stage::say(&format!(
        "Account {A} built {golden}, encrypted with its own key. Account {B} is to launch it.\n"
    ));

    Stage::say(&format!("1. {B} tries before anything is shared:"));
    Stage::say(&format!("     {}", stage.launch(&golden).await));
    Stage::say("   and with launch permission alone, as most tutorials leave it:");
    let half = Stage::set();
    half.share_image_only(&golden).await?;
    Stage::say(&format!("     {}\n", half.launch(&golden).await));

    Stage::say("2. The action runs with mode: share");
    stage.run(&golden).await?;

    Stage::say(&format!("\n3. {B} tries again:"));
    let launched = stage.launch(&golden).await;
    Stage::say(&format!("     {launched}\n"));
    anyhow::ensure!(
        launched == "running",
        "the rehearsal failed: the instance is {launched}"
    );

    let before = stage.changes();
    Stage::say("4. The action runs once more");
    tokio::time::advance(Duration::from_mins(1)).await;
    stage.run(&golden).await?;
    let again = stage.changes() - before;
    Stage::say(&format!(
        "     calls of the second run that change anything: {again}"
    ));
    anyhow::ensure!(
        again == 0,
        "the rehearsal failed: a second run changed something"
    );
    Ok(())
}
