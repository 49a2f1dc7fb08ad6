//! A whole share on a simulated AWS: account B cannot launch account A's encrypted image, the
//! action shares it, B launches it, and a second run changes nothing. It needs no credentials, no
//! network and no server.

mod stage;

use std::time::Duration;

use stage::{A, B, Stage};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // The run waits for AWS as always, but with a paused clock the waits take no time.
    tokio::time::pause();
    let stage = Stage::new();
    let golden = stage.find_image_id("golden");

    Stage::say(
        "This is a rehearsal on a simulated AWS. Every answer below comes from the simulation, \
         none from AWS.\n",
    );
    Stage::say(&format!(
        "Account {A} built {golden}, encrypted with its own key. Account {B} wants to launch it.\n"
    ));

    Stage::say(&format!("1. {B} tries before anything is shared:"));
    Stage::say(&format!("     {}", stage.launch(&golden).await));
    Stage::say("   and with only the launch permission, where most tutorials stop:");
    let half = Stage::new();
    half.add_launch_permission(&golden).await?;
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

    let before = stage.count_changes();
    Stage::say("4. The action runs again");
    tokio::time::advance(Duration::from_mins(1)).await;
    stage.run(&golden).await?;
    let again = stage.count_changes() - before;
    Stage::say(&format!("     changing calls of the second run: {again}"));
    anyhow::ensure!(
        again == 0,
        "the rehearsal failed: a second run changed something"
    );
    Ok(())
}
