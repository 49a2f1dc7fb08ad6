//! Who has access to what.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::World;

impl World {
    /// The text of the policy of the key `golden`.
    pub(crate) fn read_golden_policy(&self) -> String {
        self.read_key_policy("golden")
    }

    pub(crate) fn read_key_policy(&self, key: &str) -> String {
        self.edit_key(&self.key_arn(key), |key| key.policy().to_owned())
    }

    pub(crate) fn has_grants(&self, key: &str) -> bool {
        self.edit_key(&self.key_arn(key), |key| !key.grants.is_empty())
    }

    /// Everything that sharing changes: who may launch, create volumes, and use keys.
    pub(crate) fn list_access(&self) -> Value {
        let state = self.sim.state();
        // The keys of the scenario: AWS makes its own when it first needs one.
        let own: Vec<&String> = self.sim.facts().keys.values().collect();
        let (mut policies, mut grants) = (Vec::new(), Vec::new());
        self.sim.edit(|world| {
            for key in world.keys.values() {
                grants.extend(key.grants.iter().map(|grant| grant.name.clone()));
                if own.contains(&&key.arn) {
                    policies.push(serde_json::from_str::<Value>(key.policy()).unwrap());
                }
            }
        });
        json!({
            "images": pick_member(&state["images"], "launch_permissions"),
            "snapshots": pick_member(&state["snapshots"], "create_volume_permissions"),
            "policies": policies,
            "grants": grants,
        })
    }

    /// The same as [`Self::list_access`], of what an account owns.
    pub(crate) fn list_access_of(&self, account: &str) -> Value {
        let state = self.sim.state();
        let mut access = self.list_access();
        for kind in ["images", "snapshots"] {
            let resources = access[kind].as_object_mut().unwrap();
            resources.retain(|id, _| state[kind][id]["owner"] == account);
        }
        let mut grants = Vec::new();
        self.sim.edit(|world| {
            for key in world.keys.values().filter(|key| key.account == account) {
                grants.extend(key.grants.iter().map(|grant| grant.name.clone()));
            }
        });
        access["grants"] = json!(grants);
        access
    }

    /// The images that runs made, with their states.
    pub(crate) fn list_copies(&self) -> BTreeMap<String, String> {
        let named: Vec<&String> = self.sim.facts().images.values().collect();
        let mut copies = BTreeMap::new();
        for (id, image) in self.sim.state()["images"].as_object().unwrap() {
            if !named.contains(&id) {
                copies.insert(id.clone(), image["state"].as_str().unwrap().to_owned());
            }
        }
        copies
    }

    pub(crate) fn count_snapshots(&self) -> usize {
        self.sim.state()["snapshots"].as_object().unwrap().len()
    }

    /// An image that an account owns, such as a target's own copy.
    pub(crate) fn find_image_of(&self, account: &str) -> Option<String> {
        self.sim.edit(|world| {
            let mut images = world.images.values();
            let image = images.find(|image| image.owner == account)?;
            Some(image.id.clone())
        })
    }
}

/// One member of each resource, in a list of its own.
fn pick_member(resources: &Value, name: &str) -> Map<String, Value> {
    let resources = resources.as_object().unwrap().iter();
    resources
        .map(|(id, resource)| (id.clone(), json!([resource[name]])))
        .collect()
}
