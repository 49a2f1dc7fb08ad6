//! Any bytes as an answer of AWS: what passes for one is one, and what may be deep is found.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use serde_json::Value;

use super::check::Expected;
use super::elements::Elements;
use crate::aws::answer_error::read_error;

/// Actions of each kind: answered by `return`, by a list, by a list in pages, by anything.
const ACTIONS: [&str; 8] = [
    "AssumeRole",
    "DescribeImages",
    "GetKeyPolicy",
    "ListGrants",
    "ListRoles",
    "ModifyImageAttribute",
    "PutKeyPolicy",
    "RunInstances",
];

/// The first two bytes say the action, and how large the frames are that the answer comes in.
#[allow(
    unreachable_pub,
    reason = "it can be called from a crate of fuzz targets"
)]
pub fn check_answer(bytes: &[u8]) {
    let [action, size, body @ ..] = bytes else {
        return;
    };
    let action = ACTIONS[usize::from(*action) % ACTIONS.len()];
    check_elements(body, usize::from(*size) + 1);
    check_xml(action, body);
    check_json(action, body);
    check_error(body);
}

/// As many elements in frames as in one piece; and what is not deep can be read by recursion.
fn check_elements(body: &[u8], size: usize) {
    let (mut in_frames, mut whole) = (Elements::default(), Elements::default());
    let counted = body.chunks(size).map(|frame| in_frames.count(frame)).last();
    assert_eq!(counted.unwrap_or_default(), whole.count(body));
    assert_eq!(in_frames.is_deep(), whole.is_deep());
    if let Err(error) = serde_json::from_slice::<Value>(body) {
        let is_deep = error.to_string().contains("recursion limit");
        assert!(!is_deep || whole.is_deep(), "nested too deep");
    }
}

fn check_xml(action: &str, body: &[u8]) {
    if Expected::Xml(action.to_owned()).check(body).is_err() {
        return;
    }
    let text = String::from_utf8_lossy(body);
    assert!(text.contains(&format!("<{action}Response")));
    match action {
        "ModifyImageAttribute" => assert!(text.contains("true")),
        "DescribeImages" => assert!(text.contains("<imagesSet")),
        "ListRoles" => assert!(text.contains("<Roles")),
        _ => {}
    }
}

fn check_json(action: &str, body: &[u8]) {
    if Expected::Json(action.to_owned()).check(body).is_err() || body.is_empty() {
        return;
    }
    let answer: Value = serde_json::from_slice(body).unwrap();
    assert!(answer.get("__type").is_none());
    assert!(action != "ListGrants" || answer["Grants"].is_array());
}

/// The error of an answer is in its text.
fn check_error(body: &[u8]) {
    let response = HttpResponse::new(400.try_into().unwrap(), body.to_vec().into());
    let Some(error) = read_error(&response) else {
        return;
    };
    let text = str::from_utf8(body).unwrap();
    let is_json = serde_json::from_str::<Value>(text).is_ok();
    assert!(is_json || text.contains(&error.code) && text.contains(&error.message));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: [&str; 4] = [
        "<ModifyImageAttributeResponse><return>true</return></ModifyImageAttributeResponse>",
        "<ListRolesResponse><ListRolesResult><Roles><member/></Roles><IsTruncated>true\
         </IsTruncated><Marker>x</Marker></ListRolesResult></ListRolesResponse>",
        r#"{"Grants":[{"GrantId":"a"}],"Truncated":true,"NextMarker":"x"}"#,
        "<Response><Errors><Error><Code>X</Code></Error></Errors></Response>",
    ];

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(
            action: u8, size: u8, whole in 0..WHOLE.len(), at in 0_usize..200, byte: u8,
        ) {
            let mut bytes = [&[action, size], WHOLE[whole].as_bytes()].concat();
            check_answer(&bytes);
            if let Some(changed) = bytes.get_mut(at) {
                *changed = byte;
            }
            check_answer(&bytes);
        }

        #[test]
        fn no_pieces_make_it_panic(
            action: u8,
            pieces in "(<|</|/>|>|ListRolesResponse|Roles|return|true|\"|[\\[\\]{}:,\\\\]|.){0,60}",
        ) {
            check_answer(&[&[action, 2], pieces.as_bytes()].concat());
        }
    }
}
