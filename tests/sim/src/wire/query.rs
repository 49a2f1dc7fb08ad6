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
    /// Where a parameter stands there twice, and where something is no UTF-8.
    pub fn parse(query: &[u8], form: &[u8]) -> Result<Self, Fail> {
        let mut parameters = BTreeMap::new();
        for (name, value) in
            url::form_urlencoded::parse(query).chain(url::form_urlencoded::parse(form))
        {
            // What was no UTF-8 has become the replacement character.
            if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
                return Err(Fail::bad(
                    "MalformedQueryString",
                    "The query string contains a syntax error",
                ));
            }
            if parameters
                .insert(name.to_string(), value.into_owned())
                .is_some()
            {
                let message = format!("The parameter '{name}' may only be specified once.");
                return Err(Fail::bad("InvalidParameterValue", message));
            }
        }
        Ok(Self(parameters))
    }

    /// Parameters given as pairs.
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        Self(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    /// One parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// One parameter, unless it is blank: so Packer sends what it leaves to EC2.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// One parameter that must be there.
    ///
    /// # Errors
    /// `MissingParameter`.
    pub fn need(&self, name: &str) -> Result<&str, Fail> {
        self.get(name).ok_or_else(|| {
            Fail::bad(
                "MissingParameter",
                format!("The request must contain the parameter {name}"),
            )
        })
    }

    /// A truth value.
    ///
    /// # Errors
    /// Where it is neither `true` nor `false`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Fail> {
        match self.get(name) {
            None => Ok(None),
            Some("true" | "True" | "1") => Ok(Some(true)),
            Some("false" | "False" | "0") => Ok(Some(false)),
            Some(other) => {
                let message = format!("Invalid value '{other}' for {name}. Expecting a boolean.");
                Err(Fail::bad("InvalidParameterValue", message))
            }
        }
    }

    /// The texts of a list: `Prefix.1`, `Prefix.2`, in the order of their numbers.
    pub fn list(&self, prefix: &str) -> Vec<&str> {
        let mut members: Vec<(u32, &str)> = self
            .under(prefix)
            .filter_map(|(rest, value)| Some((rest.parse().ok()?, value)))
            .collect();
        members.sort_by_key(|(number, _)| *number);
        members.into_iter().map(|(_, value)| value).collect()
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

    /// Whether any parameter stands under a prefix.
    pub fn has(&self, prefix: &str) -> bool {
        self.0.contains_key(prefix) || self.under(prefix).next().is_some()
    }

    /// All parameters.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn under(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let prefix = format!("{prefix}.");
        let from = prefix.clone();
        self.0
            .range(from..)
            .take_while({
                let prefix = prefix.clone();
                move |(name, _)| name.starts_with(&prefix)
            })
            .map(move |(name, value)| (&name[prefix.len()..], value.as_str()))
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
}
