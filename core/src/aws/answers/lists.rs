//! Lists in answers. AWS answers an empty list as an empty list: without any list, the answer does
//! not say that there is nothing.

use serde_json::Value;

/// The list in the answer to each action that has one.
const LISTS: [(&str, &str); 19] = [
    ("DescribeImageAttribute", "launchPermission"),
    ("DescribeImages", "imagesSet"),
    ("DescribeInstanceTypeOfferings", "instanceTypeOfferingSet"),
    ("DescribeInstanceTypes", "instanceTypeSet"),
    ("DescribeInstances", "reservationSet"),
    ("DescribeRegions", "regionInfo"),
    ("DescribeSecurityGroups", "securityGroupInfo"),
    ("DescribeSnapshotAttribute", "createVolumePermission"),
    ("DescribeSnapshots", "snapshotSet"),
    ("DescribeSubnets", "subnetSet"),
    ("DescribeVolumes", "volumeSet"),
    ("DescribeVpcs", "vpcSet"),
    ("GetContextKeysForPrincipalPolicy", "ContextKeyNames"),
    ("ListAttachedRolePolicies", "AttachedPolicies"),
    ("ListGrants", "Grants"),
    ("ListRolePolicies", "PolicyNames"),
    ("ListRoles", "Roles"),
    ("RunInstances", "instancesSet"),
    ("SimulatePrincipalPolicy", "EvaluationResults"),
];

/// Checks that an answer in XML has its list, and says where the list goes on.
pub(super) fn check_xml(action: &str, text: &str) -> Result<(), String> {
    let Some(list) = list_of(action) else {
        return Ok(());
    };
    if !has_element(text, list) {
        return Err(missing(list));
    }
    let goes_on = text.contains("<IsTruncated>true</IsTruncated>");
    let has_marker = text.contains("<Marker>") && !text.contains("<Marker></Marker>");
    if goes_on && !has_marker {
        return Err(missing("Marker"));
    }
    Ok(())
}

/// The same of an answer in JSON.
pub(super) fn check_json(action: &str, answer: &Value) -> Result<(), String> {
    let Some(list) = list_of(action) else {
        return Ok(());
    };
    if !answer[list].is_array() {
        return Err(missing(list));
    }
    let marker = answer["NextMarker"].as_str().unwrap_or_default();
    if answer["Truncated"] == true && marker.is_empty() {
        return Err(missing("NextMarker"));
    }
    Ok(())
}

fn list_of(action: &str) -> Option<&'static str> {
    let mut lists = LISTS.iter();
    lists
        .find(|(name, _)| *name == action)
        .map(|(_, list)| *list)
}

fn has_element(text: &str, name: &str) -> bool {
    let mut tags = text.split('<');
    tags.any(|tag| {
        let after = tag.strip_prefix(name);
        after.is_some_and(|after| after.starts_with(['>', ' ', '/']))
    })
}

fn missing(member: &str) -> String {
    format!("`{member}` is missing in AWS's answer")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answer_without_its_list_is_no_empty_list() {
        for (action, list) in LISTS {
            let of = |inside: &str| format!("<{action}Response>{inside}</{action}Response>");
            for inside in [format!("<{list}/>"), format!("<{list}><item/></{list}>")] {
                assert_eq!(check_xml(action, &of(&inside)), Ok(()), "{inside}");
            }
            for inside in ["", "<other/>", &format!("<{list}Other/>")] {
                assert_eq!(
                    check_xml(action, &of(inside)),
                    Err(missing(list)),
                    "{inside}"
                );
            }
            assert_eq!(check_json(action, &json!({ list: [] })), Ok(()));
            for answer in [json!(null), json!({}), json!({ list: null }), json!([])] {
                assert_eq!(check_json(action, &answer), Err(missing(list)), "{answer}");
            }
        }
    }

    #[test]
    fn list_that_goes_on_says_where() {
        let begin = "<Roles/><IsTruncated>true</IsTruncated>";
        for (end, is_whole) in [
            ("", false),
            ("<Marker></Marker>", false),
            ("<Marker/>", false),
        ]
        .into_iter()
        .chain([("<Marker>x</Marker>", true)])
        {
            let answer = check_xml("ListRoles", &format!("{begin}{end}"));
            assert_eq!(answer.is_ok(), is_whole, "{end}");
        }
        for (marker, is_whole) in [(json!(null), false), (json!(""), false), (json!("x"), true)] {
            let answer = json!({ "Grants": [], "Truncated": true, "NextMarker": marker });
            assert_eq!(
                check_json("ListGrants", &answer).is_ok(),
                is_whole,
                "{answer}"
            );
        }
    }
}
