//! Parameters by path and by filter, and their histories.

use serde_json::{Value, json};

use super::{
    Name, Params, authorize, invalid, not_found, render, shown_value, text, texts, versions,
};
use crate::services::Request;
use crate::services::pages::Page;
use crate::wire::{Body, Fail, Outcome};
use crate::world::{Parameter, World};

/// The newest version of each parameter of the caller, by name.
fn newest<'a>(world: &'a World, request: &Request<'_>) -> Vec<(&'a str, &'a Parameter)> {
    let mut newest = Vec::new();
    if let Some(account) = world.accounts.get(request.account()) {
        for ((region, name), versions) in &account.parameters {
            if let (true, Some(version)) = (region == request.region, versions.last()) {
                newest.push((name.as_str(), version));
            }
        }
    }
    newest
}

/// The answer with one page, of at most `most` items unless the request asks for fewer.
fn page(
    name: &str,
    items: Vec<Value>,
    params: &Params,
    most: u64,
    request: &Request<'_>,
) -> Outcome {
    let size = params
        .get("MaxResults")
        .and_then(Value::as_u64)
        .unwrap_or(most);
    if !(1..=50).contains(&size) {
        return Err(invalid(format!("MaxResults is {size}, not 1 to 50.")));
    }
    let size = usize::try_from(size).unwrap_or(10);
    let token = text(params, "NextToken").filter(|token| !token.is_empty());
    let Some(page) = Page::of(token, size, request) else {
        let message = format!(
            "The following token is invalid: {}.",
            token.unwrap_or_default()
        );
        return Err(Fail::bad("InvalidNextToken", message));
    };
    let (items, next) = page.slice(items);
    let mut answer = json!({});
    answer[name] = Value::Array(items);
    if let Some(next) = next {
        answer["NextToken"] = json!(next);
    }
    Ok(Body::Json(answer))
}

/// A filter: key, option, values.
struct Filter<'a> {
    key: &'a str,
    option: &'a str,
    values: Vec<&'a str>,
}

/// Reads `ParameterFilters`, whose keys must be among these.
fn read_filters<'a>(params: &'a Params, keys: &[&str]) -> Result<Vec<Filter<'a>>, Fail> {
    let mut filters = Vec::new();
    let list = params.get("ParameterFilters").and_then(Value::as_array);
    for filter in list.into_iter().flatten().filter_map(Value::as_object) {
        let key = text(filter, "Key").unwrap_or_default();
        let is_tag = key.starts_with("tag:") && keys.contains(&"tag");
        if !keys.contains(&key) && !is_tag {
            let message = format!(
                "The following filter key is not valid: {key}. Valid filter keys include: [{}].",
                keys.join(", ")
            );
            return Err(Fail::bad("InvalidFilterKey", message));
        }
        let values = texts(filter, "Values");
        if values.is_empty() {
            let message =
                format!("The following filter values are missing : null for filter key {key}.");
            return Err(Fail::bad("InvalidFilterValue", message));
        }
        filters.push(Filter {
            key,
            option: text(filter, "Option").unwrap_or("Equals"),
            values,
        });
    }
    Ok(filters)
}

impl Filter<'_> {
    fn fits(&self, name: &str, parameter: &Parameter) -> bool {
        let values = match self.key {
            "Name" | "Path" => vec![name],
            "Type" => vec![parameter.kind.as_str()],
            "DataType" => vec![parameter.data_type.as_str()],
            "Tier" => vec![parameter.tier.as_str()],
            "KeyId" => parameter.key.as_deref().into_iter().collect(),
            "Label" => parameter.labels.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        self.values.iter().any(|wanted| {
            values.iter().any(|value| match (self.key, self.option) {
                (_, "BeginsWith") => value.starts_with(wanted),
                (_, "Contains") => value.contains(wanted),
                ("Path", option) => is_under(name, wanted, option == "Recursive"),
                _ => value == wanted,
            })
        })
    }
}

/// Whether a name is under a path; unless the search is recursive, directly.
fn is_under(name: &str, path: &str, is_recursive: bool) -> bool {
    let path = path.trim_end_matches('/');
    let rest = name
        .strip_prefix(path)
        .and_then(|rest| rest.strip_prefix('/'));
    rest.is_some_and(|rest| is_recursive || !rest.contains('/'))
}

pub(super) fn by_path(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let path = text(params, "Path").unwrap_or_default();
    if !path.starts_with('/') {
        return Err(invalid("The parameter path must begin with a slash."));
    }
    authorize(request, "GetParametersByPath", path)?;
    let filters = read_filters(params, &["Type", "KeyId", "Label"])?;
    let is_recursive = params.get("Recursive") == Some(&Value::Bool(true));
    let mut items = Vec::new();
    for (plain, parameter) in newest(world, request) {
        let fits = filters.iter().all(|filter| filter.fits(plain, parameter));
        if fits && is_under(plain, path, is_recursive) {
            let name = Name {
                plain,
                selector: None,
            };
            items.push(render(&name, parameter, params, request));
        }
    }
    page("Parameters", items, params, 10, request)
}

/// What every list of descriptions has.
fn render_description(name: &str, parameter: &Parameter, request: &Request<'_>) -> Value {
    let mut shown = json!({
        "Name": name,
        "Type": parameter.kind,
        "LastModifiedDate": request.clock.epoch(parameter.written),
        "LastModifiedUser": parameter.writer,
        "Version": parameter.version,
        "Tier": parameter.tier,
        "Policies": [],
        "DataType": parameter.data_type,
    });
    for (member, text) in [
        ("Description", &parameter.description),
        ("AllowedPattern", &parameter.allowed_pattern),
        ("KeyId", &parameter.key),
    ] {
        if let Some(text) = text {
            shown[member] = json!(text);
        }
    }
    shown
}

pub(super) fn describe(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    const KEYS: [&str; 8] = [
        "Name", "Type", "KeyId", "Path", "Label", "Tier", "DataType", "tag",
    ];
    authorize(request, "DescribeParameters", "*")?;
    let filters = read_filters(params, &KEYS)?;
    let mut items = Vec::new();
    for (name, parameter) in newest(world, request) {
        if filters.iter().all(|filter| filter.fits(name, parameter)) {
            let mut shown = render_description(name, parameter, request);
            shown["ARN"] = json!(super::arn(name, request));
            items.push(shown);
        }
    }
    page("Parameters", items, params, 50, request)
}

/// Every version, the oldest first (recorded).
pub(super) fn history(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let name = Name::read(text(params, "Name").unwrap_or_default())?.plain;
    authorize(request, "GetParameterHistory", name)?;
    let versions = versions(world, name, request).ok_or_else(not_found)?;
    let mut items = Vec::new();
    for version in versions {
        let mut shown = render_description(name, version, request);
        shown["Value"] = json!(shown_value(version, params));
        shown["Labels"] = json!(version.labels);
        items.push(shown);
    }
    page("Parameters", items, params, 50, request)
}
