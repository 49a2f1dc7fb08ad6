//! Scenario files that are almost right: a world or a message, never a panic.

#[path = "../../fuzz/scenario.rs"]
mod check;

use proptest::prelude::*;
use serde_json::{Value, json};

use check::check_scenario;

fn examples() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/scenarios");
    let files = std::fs::read_dir(folder).unwrap();
    let mut texts: Vec<String> = files
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    texts.sort();
    texts
}

/// Values that are wrong in most places.
fn odd_value() -> impl Strategy<Value = Value> {
    let values = [
        json!(null),
        json!(-1),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("x"),
        json!("111111111111"),
        json!("../\u{0}"),
        json!([]),
        json!([[]]),
        json!({}),
        json!({ "": "" }),
        json!("x".repeat(3000)),
    ];
    prop::sample::select(values.to_vec())
}

/// Puts a value in the place of the one with this number; counts down on the way.
fn replace(value: &mut Value, number: &mut usize, other: &Value) {
    if *number == 0 {
        value.clone_from(other);
    }
    *number = number.wrapping_sub(1);
    match value {
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| replace(value, number, other)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|value| replace(value, number, other)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn scenario_with_another_byte_does_not_panic(
        text in prop::sample::select(examples()), at in 0_usize..10_000, byte: u8,
    ) {
        let mut bytes = text.into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        check_scenario(&bytes);
    }

    #[test]
    fn scenario_with_an_odd_value_does_not_panic(
        text in prop::sample::select(examples()), number in 0_usize..300, odd in odd_value(),
    ) {
        let mut value: Value = serde_json::from_str(&text).unwrap();
        replace(&mut value, &mut number.clone(), &odd);
        check_scenario(value.to_string().as_bytes());
    }
}
