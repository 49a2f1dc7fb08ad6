//! Lists in answers. AWS answers an empty list as an empty list: without any list, the answer does
//! not say that there is nothing.

use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};
use serde_json::Value;

/// The list in the answer to each action that has one.
const LISTS: [(&str, &str); 28] = [
    ("DescribeImageAttribute", "launchPermission"),
    ("DescribeImageReferences", "imageReferenceSet"),
    (
        "DescribeImageUsageReportEntries",
        "imageUsageReportEntrySet",
    ),
    ("DescribeImageUsageReports", "imageUsageReportSet"),
    ("DescribeImages", "imagesSet"),
    ("DescribeInstanceTypeOfferings", "instanceTypeOfferingSet"),
    ("DescribeInstanceTypes", "instanceTypeSet"),
    ("DescribeInstances", "reservationSet"),
    ("DescribeLaunchTemplateVersions", "launchTemplateVersionSet"),
    ("DescribeLockedSnapshots", "snapshotSet"),
    ("DescribeRegions", "regionInfo"),
    ("DescribeSecurityGroups", "securityGroupInfo"),
    ("DescribeSnapshotAttribute", "createVolumePermission"),
    ("DescribeSnapshots", "snapshotSet"),
    ("DescribeSubnets", "subnetSet"),
    ("DescribeVolumes", "volumeSet"),
    ("DescribeVpcs", "vpcSet"),
    ("GetContextKeysForPrincipalPolicy", "ContextKeyNames"),
    ("ListAccountAliases", "AccountAliases"),
    ("ListAccounts", "Accounts"),
    ("ListAccountsForParent", "Accounts"),
    ("ListAttachedRolePolicies", "AttachedPolicies"),
    ("ListGrants", "Grants"),
    ("ListOrganizationalUnitsForParent", "OrganizationalUnits"),
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
    let found = Found::read(action, list, text)
        .map_err(|error| format!("the list in AWS's answer cannot be read: {error}"))?;
    if !found.has_list {
        return Err(missing(list));
    }
    if found.goes_on && !found.has_marker {
        return Err(missing("Marker"));
    }
    Ok(())
}

/// What an answer in XML says of its list.
#[derive(Debug, Default)]
struct Found {
    has_list: bool,
    goes_on: bool,
    has_marker: bool,
}

impl Found {
    /// EC2 has the list in the answer itself; IAM, whose names begin with a capital, in a result
    /// within it.
    fn read(action: &str, list: &str, text: &str) -> Result<Self, XmlDecodeError> {
        let mut found = Self::default();
        let mut document = Document::new(text);
        let mut root = document.root_element()?;
        if !list.starts_with(|first: char| first.is_ascii_uppercase()) {
            found.read_members(list, &mut root)?;
            return Ok(found);
        }
        while let Some(mut member) = root.next_tag() {
            if member.start_el().local().strip_suffix("Result") == Some(action) {
                found.read_members(list, &mut member)?;
            }
        }
        Ok(found)
    }

    fn read_members(
        &mut self,
        list: &str,
        element: &mut ScopedDecoder<'_, '_>,
    ) -> Result<(), XmlDecodeError> {
        while let Some(mut member) = element.next_tag() {
            match member.start_el().local() {
                "IsTruncated" => self.goes_on = try_data(&mut member)?.trim() == "true",
                "Marker" => self.has_marker = !try_data(&mut member)?.is_empty(),
                name => self.has_list |= name == list,
            }
        }
        Ok(())
    }
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

fn missing(member: &str) -> String {
    format!("`{member}` is missing in AWS's answer")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An answer to an action with these members.
    fn answer(action: &str, list: &str, members: &str) -> String {
        if list.starts_with(|first: char| first.is_ascii_uppercase()) {
            let result = format!("<{action}Result>{members}</{action}Result>");
            format!("<{action}Response>{result}</{action}Response>")
        } else {
            format!("<{action}Response>{members}</{action}Response>")
        }
    }

    #[test]
    fn answer_without_its_list_is_no_empty_list() {
        for (action, list) in LISTS {
            for members in [format!("<{list}/>"), format!("<{list}><item/></{list}>")] {
                let text = answer(action, list, &members);
                assert_eq!(check_xml(action, &text), Ok(()), "{text}");
            }
            for members in [
                String::new(),
                "<other/>".to_owned(),
                format!("<{list}Other/>"),
                format!("<!-- <{list}/> -->"),
                format!("<note><![CDATA[<{list}/>]]></note>"),
                format!("<item><{list}/></item>"),
                format!("<item note='<{list}>'/>"),
            ] {
                let text = answer(action, list, &members);
                assert!(check_xml(action, &text).is_err(), "{text}");
            }
            assert_eq!(check_json(action, &json!({ list: [] })), Ok(()));
            for answer in [json!(null), json!({}), json!({ list: null }), json!([])] {
                assert_eq!(check_json(action, &answer), Err(missing(list)), "{answer}");
            }
        }
    }

    #[test]
    fn list_that_goes_on_says_where() {
        for (begin, end, is_whole) in [
            ("true", "", false),
            ("true", "<Marker></Marker>", false),
            ("true", "<Marker/>", false),
            ("true", "<!-- <Marker>x</Marker> -->", false),
            ("true", "<Other><Marker>x</Marker></Other>", false),
            (" true ", "", false),
            ("true<!-- -->", "", false),
            ("true", "<Marker>x</Marker>", true),
            ("true", "<Marker >x</Marker >", true),
            ("false", "", true),
        ] {
            let members = format!("<Roles/><IsTruncated>{begin}</IsTruncated>{end}");
            let text = answer("ListRoles", "Roles", &members);
            assert_eq!(check_xml("ListRoles", &text).is_ok(), is_whole, "{text}");
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
