//! Query parameters: a flat map in which lists are numbered, `Filter.1.Value.2`.

use std::collections::BTreeMap;

use super::Fail;

/// The parameters of one call, or of one member of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// Parses the query string and the form of a request.
    ///
    /// # Errors
    /// If a parameter is given twice, or something is not UTF-8.
    pub fn parse(query: &[u8], form: &[u8]) -> Result<Self, Fail> {
        let mut parameters = BTreeMap::new();
        let pairs = url::form_urlencoded::parse(query).chain(url::form_urlencoded::parse(form));
        for (name, value) in pairs {
            // The parser replaces what is not UTF-8 by this character.
            if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
                let message = "The query string contains a syntax error";
                return Err(Fail::bad("MalformedQueryString", message));
            }
            let earlier = parameters.insert(name.to_string(), value.into_owned());
            if earlier.is_some() {
                let message = format!("The parameter '{name}' may only be specified once.");
                return Err(Fail::invalid_value(message));
            }
        }
        Ok(Self(parameters))
    }

    /// Parameters given as pairs.
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        let owned = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self(owned.collect())
    }

    /// One parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// One parameter, unless it is blank: Packer sends a blank for a default of EC2.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// One parameter that must be there.
    ///
    /// # Errors
    /// `MissingParameter`.
    pub fn need(&self, name: &str) -> Result<&str, Fail> {
        self.get(name).ok_or_else(|| {
            let message = format!("The request must contain the parameter {name}");
            Fail::bad("MissingParameter", message)
        })
    }

    /// A truth value.
    ///
    /// # Errors
    /// If it is neither `true` nor `false`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Fail> {
        match self.get(name) {
            None => Ok(None),
            Some("true" | "True" | "1") => Ok(Some(true)),
            Some("false" | "False" | "0") => Ok(Some(false)),
            Some(other) => {
                let message = format!("Invalid value '{other}' for {name}. Expecting a boolean.");
                Err(Fail::invalid_value(message))
            }
        }
    }

    /// The texts of a list: `Prefix.1`, `Prefix.2`, in the order of their numbers.
    pub fn list(&self, prefix: &str) -> Vec<&str> {
        let mut texts: Vec<(u32, &str)> = Vec::new();
        for (rest, value) in self.under(prefix) {
            if let Ok(number) = rest.parse() {
                texts.push((number, value));
            }
        }
        texts.sort_by_key(|(number, _)| *number);
        texts.into_iter().map(|(_, value)| value).collect()
    }

    /// The members of a list of structures: `Prefix.1.Name` becomes `Name` of the first.
    pub fn members(&self, prefix: &str) -> Vec<Self> {
        let mut members: BTreeMap<u32, Self> = BTreeMap::new();
        for (rest, value) in self.under(prefix) {
            if let Some((number, name)) = rest.split_once('.')
                && let Ok(number) = number.parse()
            {
                members
                    .entry(number)
                    .or_default()
                    .0
                    .insert(name.to_owned(), value.to_owned());
            }
        }
        members.into_values().collect()
    }

    /// The parameters under a prefix, as parameters of their own.
    #[must_use]
    pub fn part(&self, prefix: &str) -> Self {
        let mut part = BTreeMap::new();
        for (rest, value) in self.under(prefix) {
            part.insert(rest.to_owned(), value.to_owned());
        }
        Self(part)
    }

    /// These parameters, and those of `base` that these do not have. A list counts as one
    /// parameter.
    #[must_use]
    pub fn over(&self, base: &Self) -> Self {
        let mut all = self.0.clone();
        for (name, value) in base.pairs() {
            let (first, _) = name.split_once('.').unwrap_or((name, ""));
            if !self.has(first) {
                all.insert(name.to_owned(), value.to_owned());
            }
        }
        Self(all)
    }

    /// With a parameter, in the place of one that has its name.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Whether a parameter has this name or prefix.
    pub fn has(&self, prefix: &str) -> bool {
        self.0.contains_key(prefix) || self.under(prefix).next().is_some()
    }

    /// All parameters.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The parameters under a prefix, without the prefix.
    fn under(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let prefix = format!("{prefix}.");
        let from = self.0.range(prefix.clone()..);
        from.map_while(move |(name, value)| {
            let rest = name.strip_prefix(&prefix)?;
            Some((rest, value.as_str()))
        })
    }
}

impl From<BTreeMap<String, String>> for Query {
    fn from(parameters: BTreeMap<String, String>) -> Self {
        Self(parameters)
    }
}

impl From<Query> for BTreeMap<String, String> {
    fn from(query: Query) -> Self {
        query.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_in_the_order_of_their_numbers() {
        let query = Query::parse(
            b"Id.10=j&Id.2=b",
            b"Id.1=a&Filter.1.Name=n&Filter.1.Value.1=x&Filter.2.Name=m",
        )
        .unwrap();
        assert_eq!(query.list("Id"), ["a", "b", "j"]);
        let filters = query.members("Filter");
        assert_eq!(
            (filters[0].get("Name"), filters[0].list("Value")),
            (Some("n"), vec!["x"])
        );
        assert_eq!(filters[1].get("Name"), Some("m"));
        assert!(query.has("Filter") && !query.has("Filt"));
    }
    #[test]
    fn parameters_lie_over_others_by_their_first_names() {
        let request = Query::of(&[("Name", "b"), ("Tag.1.Key", "x")]);
        let base = Query::of(&[("Tag.1.Key", "y"), ("Tag.2.Key", "z"), ("Data.Id", "i")]);
        let all = Query::of(&[("Name", "b"), ("Tag.1.Key", "x"), ("Data.Id", "i")]);
        assert_eq!(request.over(&base), all);
        assert_eq!(all.part("Data"), Query::of(&[("Id", "i")]));
        assert_eq!(all.part("Data").with("Id", "j"), Query::of(&[("Id", "j")]));
    }
}
