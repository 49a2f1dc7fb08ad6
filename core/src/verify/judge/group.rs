//! Refusals that differ in one part only, as one: whoever mends the first of them should mend all.

/// The values of each key, without repeats, in the order in which they came.
pub(super) fn group<K: PartialEq, V: PartialEq>(
    pairs: impl IntoIterator<Item = (K, V)>,
) -> Vec<(K, Vec<V>)> {
    let mut groups: Vec<(K, Vec<V>)> = Vec::new();
    for (key, value) in pairs {
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) if values.contains(&value) => {}
            Some((_, values)) => values.push(value),
            None => groups.push((key, vec![value])),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_key_keep_their_order_and_come_once() {
        let pairs = [("b", 2), ("a", 1), ("b", 1), ("b", 2)];
        assert_eq!(group(pairs), [("b", vec![2, 1]), ("a", vec![1])]);
    }
}
