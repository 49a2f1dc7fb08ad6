//! The configuration file: the same settings as the inputs, and groups of targets with settings of
//! their own. Each group becomes inputs as text, so that one parser and one set of checks serve
//! both.

mod schema;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};

use self::yaml::{Node, Wrong};
use super::lists::check_count;
use crate::files;
use crate::inputs::{Group, INPUTS, Input, Problem, Raw, shorten};

pub use schema::schema;

/// A longer file is a mistake.
const LONGEST: u64 = 1 << 20;
/// More groups are a mistake too.
const MOST_GROUPS: usize = 100;
const NAME: &str = "config-file";
const GROUPS: &str = "groups";

/// The inputs of one group of the file.
pub(super) struct GroupInputs {
    /// `None` without groups.
    pub(super) name: Option<String>,
    pub(super) raw: Raw,
    /// Where the file gives each setting; the others are inputs.
    places: BTreeMap<String, String>,
    /// Where the file has this group.
    place: String,
    file: String,
}

/// Whether a setting may stand in a file, and there in a group. How a run goes is said by whoever
/// starts it, not by the file.
fn is_of_file(input: &Input) -> bool {
    let of_run = [
        NAME,
        "mode",
        "dry-run",
        "expect-plan",
        "role-to-assume",
        "report-path",
        "mask-account-ids",
    ];
    !of_run.contains(&input.name)
}

/// Whether each group may have its own.
pub(super) fn is_of_group(input: &Input) -> bool {
    match input.group {
        Group::Targets | Group::Key | Group::Copies | Group::InTheTargets | Group::Release => true,
        Group::Images | Group::Revoking | Group::Retiring | Group::Run => false,
    }
}

/// The inputs of every group: those that were given, and those of the file; one without groups.
pub(super) fn read(given: &Raw) -> Result<Vec<GroupInputs>, Vec<Problem>> {
    let reader = Reader {
        given,
        file: given.config_file.clone().unwrap_or_default(),
        problems: Vec::new(),
    };
    reader.read()
}

impl GroupInputs {
    /// A problem of an input, as one of the file if the file gives it, or should.
    pub(super) fn explain(&self, problem: Problem) -> Problem {
        let is_given = self.raw.get(&problem.input).is_some();
        let place = match self.places.get(&problem.input) {
            Some(place) => place.clone(),
            None if is_given => return problem,
            None => {
                let mut inputs = INPUTS.iter().filter(|input| is_of_group(input));
                let is_of_group = inputs.any(|input| input.name == problem.input);
                let group = if is_of_group { self.place.as_str() } else { "" };
                join(group, &problem.input)
            }
        };
        wrong_file(&self.file, &place, &problem.message)
    }

    /// Where the group gives a setting, for a problem of it.
    pub(super) fn problem_of(&self, input: &str, message: &str) -> Problem {
        self.explain(Problem::new(input, message))
    }
}

struct Reader<'a> {
    given: &'a Raw,
    file: String,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn read(mut self) -> Result<Vec<GroupInputs>, Vec<Problem>> {
        let members = match self.members() {
            Ok(members) => members,
            Err(problem) => return Err(vec![problem]),
        };
        let (mut settings, mut groups) = (Vec::new(), None);
        for (key, node) in members {
            if key == GROUPS {
                groups = Some(node);
            } else {
                settings.push((key, node));
            }
        }
        let mut common = GroupInputs {
            name: None,
            raw: self.given.clone(),
            places: BTreeMap::new(),
            place: String::new(),
            file: self.file.clone(),
        };
        self.add(&mut common, settings, is_of_file);
        let groups = match groups {
            None => vec![common],
            Some(node) => self.groups(&common, node),
        };
        if self.problems.is_empty() {
            Ok(groups)
        } else {
            Err(self.problems)
        }
    }

    /// The settings and groups at the top of the file.
    fn members(&self) -> Result<Vec<(String, Node)>, Problem> {
        let bytes = files::read(Path::new(&self.file), LONGEST);
        let bytes = bytes.map_err(|error| wrong_file(&self.file, "", &format!("{error:#}")))?;
        let text = String::from_utf8(bytes);
        let text = text.map_err(|_not_utf8| wrong_file(&self.file, "", "it is not UTF-8 text"))?;
        let node = yaml::parse(&text);
        let node =
            node.map_err(|Wrong { path, message }| wrong_file(&self.file, &path, &message))?;
        let Node::Mapping(members) = node else {
            let message = "it must be a mapping: settings by their names, and `groups`";
            return Err(wrong_file(&self.file, "", message));
        };
        Ok(members)
    }

    fn groups(&mut self, common: &GroupInputs, node: Node) -> Vec<GroupInputs> {
        let Node::List(nodes) = node else {
            self.problem(GROUPS, "it must be a list of groups");
            return Vec::new();
        };
        if nodes.is_empty() || nodes.len() > MOST_GROUPS {
            let message = format!("it must have 1 to {MOST_GROUPS} groups");
            self.problem(GROUPS, &message);
        }
        let (mut groups, mut names) = (Vec::new(), BTreeSet::new());
        for (index, node) in nodes.into_iter().enumerate() {
            let place = format!("{GROUPS}[{index}]");
            let Node::Mapping(mut members) = node else {
                self.problem(&place, "it must be a mapping: `name`, and settings");
                continue;
            };
            let name = self.take_name(&place, &mut members);
            if let Some(name) = &name
                && !names.insert(name.clone())
            {
                let message = format!("another group is called `{}` too", shorten(name));
                self.problem(&join(&place, "name"), &message);
            }
            let mut group = GroupInputs {
                name,
                raw: common.raw.clone(),
                places: common.places.clone(),
                place,
                file: self.file.clone(),
            };
            self.add(&mut group, members, is_of_group);
            groups.push(group);
        }
        groups
    }

    /// The name of a group, which is no setting.
    fn take_name(&mut self, place: &str, members: &mut Vec<(String, Node)>) -> Option<String> {
        let index = members.iter().position(|(key, _)| key == "name");
        let name = index.map(|index| members.remove(index).1);
        match name {
            Some(Node::Text(name)) if is_plain(&name) => return Some(name),
            Some(_) => {
                let message = "it must be 1 to 64 letters, digits, `-`, `_` and `.`";
                self.problem(&join(place, "name"), message);
            }
            None => self.problem(place, "it has no `name`"),
        }
        None
    }

    /// Adds settings to inputs, which must not give the same.
    fn add(
        &mut self,
        group: &mut GroupInputs,
        members: Vec<(String, Node)>,
        is_allowed: fn(&Input) -> bool,
    ) {
        for (key, node) in members {
            let place = join(&group.place, &key);
            let Some(input) = INPUTS.iter().find(|input| input.name == key) else {
                // A path may lead to another file, of which nothing is to be shown.
                let unnamed = join(&group.place, "a key");
                self.problem(
                    if is_plain(&key) { &place } else { &unnamed },
                    "there is no such setting: they are named as the inputs",
                );
                continue;
            };
            if !is_allowed(input) {
                let message = if is_of_file(input) {
                    "it is one for all groups: give it at the top of the file"
                } else {
                    "it says how a run goes: give it as an input"
                };
                self.problem(&place, message);
                continue;
            }
            if self.given.is_given(input.name) {
                let message = format!(
                    "the input `{key}` is given too: give it in the file or as an input, not both"
                );
                self.problem(&place, &message);
                continue;
            }
            match text_of(node) {
                Ok(text) => {
                    group.raw.set(input.name, text);
                    group.places.insert(key, place);
                }
                Err(message) => self.problem(&place, &message),
            }
        }
    }

    fn problem(&mut self, place: &str, message: &str) {
        self.problems.push(wrong_file(&self.file, place, message));
    }
}

fn wrong_file(file: &str, place: &str, message: &str) -> Problem {
    let place = match place {
        "" => String::new(),
        place => format!("{place}: "),
    };
    Problem::new(NAME, format!("`{}`: {place}{message}", shorten(file)))
}

/// Whether a name is short and of plain letters.
fn is_plain(name: &str) -> bool {
    let mut letters = name.chars();
    (1..=64).contains(&name.len())
        && letters.all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one))
}

fn join(place: &str, key: &str) -> String {
    if place.is_empty() {
        shorten(key)
    } else {
        format!("{place}.{}", shorten(key))
    }
}

/// A value as an input gives it: lists and mappings as JSON.
fn text_of(node: Node) -> Result<String, String> {
    let text = match node {
        Node::Text(text) => text.trim().to_owned(),
        Node::Nothing => String::new(),
        Node::List(nodes) => {
            check_count(nodes.len())?;
            let values = nodes.into_iter().map(json_of);
            Value::Array(values.collect::<Result<_, _>>()?).to_string()
        }
        Node::Mapping(members) => {
            check_count(members.len())?;
            let mut object = Map::new();
            for (key, node) in members {
                object.insert(key, json_of(node)?);
            }
            Value::Object(object).to_string()
        }
    };
    if text.is_empty() {
        return Err("it has no value: give one, or leave the key out".to_owned());
    }
    Ok(text)
}

fn json_of(node: Node) -> Result<Value, String> {
    match node {
        Node::Text(text) => Ok(Value::from(text)),
        Node::Nothing | Node::List(_) | Node::Mapping(_) => {
            Err("a value in it is no text".to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
