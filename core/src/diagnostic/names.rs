//! Lists of names in messages.

/// How many names a message lists; of more it lists one less, and says how many more there are.
const LISTED: usize = 5;

/// The first few names, then how many more there are: `a, b, c, d, and 4 more`.
pub(crate) fn first_names<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    let mut names: Vec<String> = all.into_iter().map(|one| one.to_string()).collect();
    if names.len() > LISTED {
        let more = names.split_off(LISTED - 1).len();
        names.push(format!("and {more} more"));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_names_count_what_they_leave_out() {
        assert_eq!(first_names(1..=5), "1, 2, 3, 4, 5");
        assert_eq!(first_names(1..=7), "1, 2, 3, 4, and 3 more");
    }
}
