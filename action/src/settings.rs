//! From inputs as text to a [`ShareRequest`], every problem said at once.

mod manifest;
mod parser;
mod targets;

use std::collections::BTreeSet;
use std::path::PathBuf;

use ami_share::id::{AmiRef, OrganizationArn, OuArn, RoleArn};
use ami_share::request::{
    KeyAccessMode, KeyScope, Revoke, ShareRequestBuilder, ShareSnapshots, Unlisted,
};
use ami_share::{Principal, Region, ShareRequest};

use self::parser::Parser;
use crate::inputs::{Problem, Raw};

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Share,
    Plan,
    Verify,
    Revoke,
}

/// All inputs, parsed.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    pub(crate) request: ShareRequest,
    pub(crate) report_path: Option<PathBuf>,
    pub(crate) mask_account_ids: bool,
}

/// Parses every input.
pub(crate) fn parse(raw: &Raw, mut problems: Vec<Problem>) -> Result<Settings, Vec<Problem>> {
    let mut parser = Parser {
        problems: Vec::new(),
    };
    let modes = [
        ("share", Mode::Share),
        ("plan", Mode::Plan),
        ("verify", Mode::Verify),
        ("revoke", Mode::Revoke),
    ];
    let mode = parser.choice("mode", raw.mode.as_deref(), &modes);
    let mask_account_ids = parser.flag("mask-account-ids", raw.mask_account_ids.as_deref(), false);
    let mut builder = ShareRequest::builder().timing(parser.timing(raw));
    builder = images(&mut parser, builder, raw);
    builder = targets(&mut parser, builder, raw);
    builder = copies(&mut parser, builder, raw);
    builder = keys(&mut parser, builder, raw);
    builder = builder.target_options(targets::parse(&mut parser, raw));
    builder = afterwards(&mut parser, builder, raw);
    builder = revoke(&mut parser, builder, raw, mode);
    if let Some(calls) = parser.number("max-concurrency", raw.max_concurrency.as_deref()) {
        builder = builder.max_concurrency(calls);
    }
    problems.append(&mut parser.problems);
    // What a wrong input leaves out must not be said again as missing.
    let mut said: BTreeSet<String> = problems
        .iter()
        .map(|problem| problem.input.clone())
        .collect();
    for (given, instead) in [
        ("packer-manifest", "ami-id"),
        ("packer-manifest", "aws-region"),
        ("target-organizations", "target-accounts"),
        ("target-organizational-units", "target-accounts"),
    ] {
        if said.contains(given) {
            said.insert(instead.to_owned());
        }
    }
    match (builder.build(), mode) {
        (Ok(request), Some(mode)) if problems.is_empty() => Ok(Settings {
            mode,
            request,
            report_path: raw.report_path.as_ref().map(PathBuf::from),
            mask_account_ids,
        }),
        (built, _) => {
            let of_request = built
                .err()
                .unwrap_or_default()
                .into_iter()
                .filter(|problem| !said.contains(problem.field));
            problems.extend(of_request.map(|problem| Problem::new(problem.field, problem.message)));
            Err(problems)
        }
    }
}

/// The images: named one by one, or by a Packer manifest.
fn images(parser: &mut Parser, mut builder: ShareRequestBuilder, raw: &Raw) -> ShareRequestBuilder {
    if let Some(region) = parser.one::<Region>("aws-region", raw.aws_region.as_deref()) {
        builder = builder.region(region);
    }
    match (&raw.ami_id, &raw.packer_manifest) {
        (Some(_), Some(_)) => {
            parser.problem("ami-id", "give either this or `packer-manifest`, not both")
        }
        (None, None) => parser.problem(
            "ami-id",
            "no image is given: name at least one AMI, or a `packer-manifest`",
        ),
        (ids, None) => {
            for image in parser.list::<AmiRef>("ami-id", ids.as_deref()) {
                builder = match image.region {
                    Some(region) => builder.image_in(region, image.ami),
                    None => builder.image(image.ami),
                };
            }
        }
        (None, Some(path)) => match manifest::read(path.as_ref()) {
            Ok(images) => {
                for (region, image) in images {
                    builder = builder.image_in(region, image);
                }
            }
            Err(problem) => parser.problem("packer-manifest", format!("`{path}`: {problem}")),
        },
    }
    for (key, value) in parser.pairs("require-image-tags", raw.require_image_tags.as_deref()) {
        builder = builder.require_image_tag(key, value);
    }
    builder.allowed_accounts(
        parser.accounts("allowed-account-ids", raw.allowed_account_ids.as_deref()),
    )
}

fn targets(parser: &mut Parser, builder: ShareRequestBuilder, raw: &Raw) -> ShareRequestBuilder {
    let accounts = parser.accounts("target-accounts", raw.target_accounts.as_deref());
    let organizations: Vec<OrganizationArn> =
        parser.list("target-organizations", raw.target_organizations.as_deref());
    let units: Vec<OuArn> = parser.list(
        "target-organizational-units",
        raw.target_organizational_units.as_deref(),
    );
    let unlisted = [("keep", Unlisted::Keep), ("revoke", Unlisted::Revoke)];
    builder
        .target_accounts(accounts)
        .targets(organizations.into_iter().map(Principal::Organization))
        .targets(units.into_iter().map(Principal::OrganizationalUnit))
        .unlisted(
            parser
                .choice("unlisted", raw.unlisted.as_deref(), &unlisted)
                .unwrap_or_default(),
        )
}

fn copies(parser: &mut Parser, mut builder: ShareRequestBuilder, raw: &Raw) -> ShareRequestBuilder {
    builder = builder
        .copy_tags(parser.flag("copy-tags", raw.copy_tags.as_deref(), true))
        .copy_to_regions(parser.list::<Region>("copy-to-regions", raw.copy_to_regions.as_deref()));
    if let Some(name) = &raw.copy_name {
        builder = builder.copy_name(name.as_str());
    }
    if let Some(minutes) = parser.minutes(
        "copy-completion-minutes",
        raw.copy_completion_minutes.as_deref(),
    ) {
        builder = builder.copy_completion_minutes(minutes);
    }
    for (key, value) in parser.pairs("tags", raw.tags.as_deref()) {
        builder = builder.tag(key, value);
    }
    builder
}

fn keys(parser: &mut Parser, builder: ShareRequestBuilder, raw: &Raw) -> ShareRequestBuilder {
    let modes = [
        ("policy", KeyAccessMode::Policy),
        ("grants", KeyAccessMode::Grants),
        ("none", KeyAccessMode::None),
    ];
    let scopes = [("via-ec2", KeyScope::ViaEc2), ("direct", KeyScope::Direct)];
    let snapshots = [
        ("auto", ShareSnapshots::Auto),
        ("true", ShareSnapshots::Always),
        ("false", ShareSnapshots::Never),
    ];
    let mut builder = builder;
    for (region, key) in parser.keys("kms-key-id", raw.kms_key_id.as_deref()) {
        builder = match region {
            Some(region) => builder.kms_key_in(region, key),
            None => builder.kms_key(key),
        };
    }
    builder = builder
        .key_access(
            parser
                .choice("key-access", raw.key_access.as_deref(), &modes)
                .unwrap_or_default(),
        )
        .key_scope(
            parser
                .choice("key-scope", raw.key_scope.as_deref(), &scopes)
                .unwrap_or_default(),
        )
        .share_snapshots(
            parser
                .choice(
                    "share-snapshots",
                    raw.share_snapshots.as_deref(),
                    &snapshots,
                )
                .unwrap_or_default(),
        );
    if let Some(role) = parser.one::<RoleArn>("key-role", raw.key_role.as_deref()) {
        builder = builder.key_role(role);
    }
    builder
}

/// What is done with the images once they are shared.
fn afterwards(
    parser: &mut Parser,
    mut builder: ShareRequestBuilder,
    raw: &Raw,
) -> ShareRequestBuilder {
    let protect = raw.deregistration_protection.as_deref();
    builder =
        builder.deregistration_protection(parser.flag("deregistration-protection", protect, false));
    if let Some(at) = parser.deprecation("deprecate-at", raw.deprecate_at.as_deref()) {
        builder = builder.deprecate_at(at);
    }
    if let Some(name) = &raw.publish_ssm_parameter {
        builder = builder.publish_ssm_parameter(name.as_str());
    }
    builder
}

fn revoke(
    parser: &mut Parser,
    builder: ShareRequestBuilder,
    raw: &Raw,
    mode: Option<Mode>,
) -> ShareRequestBuilder {
    let revoke = Revoke {
        all: parser.flag("revoke-all", raw.revoke_all.as_deref(), false),
        remove_copies: parser.flag("remove-copies", raw.remove_copies.as_deref(), false),
        force_key: parser.flag("force-key-revoke", raw.force_key_revoke.as_deref(), false),
    };
    if mode == Some(Mode::Revoke) {
        return builder.revoke(revoke);
    }
    let given = [
        ("revoke-all", revoke.all),
        ("remove-copies", revoke.remove_copies),
        ("force-key-revoke", revoke.force_key),
    ];
    for (input, _) in given
        .into_iter()
        .filter(|(_, given)| *given && mode.is_some())
    {
        parser.problem(input, "needs `mode: revoke`");
    }
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) type Spoil = fn(&mut Raw);

    /// Spoils a good request by each row, and looks that its input is the one problem that is told.
    pub(super) fn each_is_one_problem(table: &[(&str, Spoil)]) {
        for (input, spoil) in table {
            let mut raw = good();
            spoil(&mut raw);
            let problems = parse(&raw, Vec::new()).unwrap_err();
            let named: Vec<&str> = problems
                .iter()
                .map(|problem| problem.input.as_str())
                .collect();
            assert_eq!(named, [*input], "{problems:?}");
        }
    }

    fn good() -> Raw {
        Raw {
            ami_id: Some("ami-1a2b3c4d".into()),
            aws_region: Some("us-east-1".into()),
            target_accounts: Some("222222222222, 333333333333\n444444444444".into()),
            ..Raw::default()
        }
    }

    #[test]
    fn lists_split_on_commas_and_white_space() {
        let settings = parse(&good(), Vec::new()).unwrap();
        assert_eq!(settings.request.targets().len(), 3);
        assert_eq!(settings.mode, Mode::Share);
    }

    #[test]
    fn each_wrong_input_is_one_problem_that_names_it() {
        let table: &[(&str, Spoil)] = &[
            ("ami-id", |raw| raw.ami_id = None),
            ("ami-id", |raw| raw.ami_id = Some("ami-xyz".into())),
            ("ami-id", |raw| {
                raw.ami_id = Some("ami-1a2b3c4d us-east-1:ami-1a2b3c4d".into())
            }),
            ("ami-id", |raw| {
                raw.packer_manifest = Some("packer-manifest.json".into())
            }),
            ("packer-manifest", |raw| {
                raw.ami_id = None;
                raw.packer_manifest = Some("no-such-file.json".into());
            }),
            ("ami-id", |raw| {
                raw.ami_id = Some("cn-north-1:ami-1a2b3c4d us-east-1:ami-1a2b3c4d".into())
            }),
            ("target-organizations", |raw| {
                raw.target_organizations = Some("o-abcdefghij".into())
            }),
            ("target-organizations", |raw| {
                raw.target_organizations =
                    Some("arn:aws-cn:organizations::111111111111:organization/o-abcdefghij".into());
            }),
            ("target-organizational-units", |raw| {
                raw.target_organizational_units = Some("ou-ab12-cdefghij".into())
            }),
            ("copy-to-regions", |raw| {
                raw.copy_to_regions = Some("somewhere".into());
            }),
            ("kms-key-id", |raw| {
                raw.copy_to_regions = Some("eu-west-1".into())
            }),
            ("kms-key-id", |raw| {
                raw.copy_to_regions = Some("eu-west-1".into());
                raw.kms_key_id = Some("us-east-1=alias/x".into());
            }),
            ("kms-key-id", |raw| {
                raw.kms_key_id = Some("alias/x alias/y".into())
            }),
            ("kms-key-id", |raw| {
                raw.kms_key_id = Some("us-east-1=alias/x us-east-1=alias/y".into())
            }),
            ("copy-completion-minutes", |raw| {
                raw.copy_completion_minutes = Some("20".into())
            }),
            ("copy-completion-minutes", |raw| {
                raw.copy_completion_minutes = Some("soon".into())
            }),
            ("key-access", |raw| raw.key_access = Some("both".into())),
            ("key-access", |raw| {
                raw.key_access = Some("grants".into());
                raw.target_organizations =
                    Some("arn:aws:organizations::111111111111:organization/o-abcdefghij".into());
            }),
            ("key-role", |raw| raw.key_role = Some("keys".into())),
            ("share-snapshots", |raw| {
                raw.share_snapshots = Some("yes".into())
            }),
            ("unlisted", |raw| raw.unlisted = Some("drop".into())),
            ("deprecate-at", |raw| {
                raw.deprecate_at = Some("later".into())
            }),
            ("deprecate-at", |raw| {
                raw.deprecate_at = Some("2001-01-01".into())
            }),
            ("deprecate-at", |raw| raw.deprecate_at = Some("0s".into())),
            ("publish-ssm-parameter", |raw| {
                raw.publish_ssm_parameter = Some("/a b".into())
            }),
            ("target-accounts", |raw| {
                raw.mode = Some("revoke".into());
                raw.target_accounts = None;
            }),
            ("revoke-all", |raw| {
                raw.mode = Some("revoke".into());
                raw.revoke_all = Some("true".into());
            }),
            ("remove-copies", |raw| raw.remove_copies = Some("1".into())),
            // They would be taken for a plan of taking back.
            ("revoke-all", |raw| raw.revoke_all = Some("true".into())),
            ("remove-copies", |raw| {
                raw.mode = Some("plan".into());
                raw.remove_copies = Some("true".into());
            }),
            ("force-key-revoke", |raw| {
                raw.mode = Some("plan".into());
                raw.force_key_revoke = Some("true".into());
            }),
            ("target-role", |raw| {
                raw.mode = Some("revoke".into());
                raw.revoke_all = Some("true".into());
                raw.target_accounts = None;
                raw.target_role = Some("consumer".into());
            }),
            ("target-role", |raw| {
                raw.mode = Some("revoke".into());
                raw.target_organizations =
                    Some("arn:aws:organizations::111111111111:organization/o-abcdefghij".into());
                raw.target_role = Some("consumer".into());
            }),
            ("target-accounts", |raw| raw.target_accounts = None),
            ("target-accounts", |raw| {
                raw.target_accounts = Some("22222222222".into());
            }),
            ("target-accounts", |raw| {
                raw.target_accounts = Some("*".into())
            }),
            ("target-accounts", |raw| {
                raw.target_accounts = Some("all".into())
            }),
            ("mode", |raw| raw.mode = Some("Share".into())),
            ("timeout", |raw| raw.timeout = Some("soon".into())),
            ("timeout", |raw| raw.timeout = Some("0s".into())),
            ("poll-interval", |raw| {
                raw.poll_interval = Some("60s..5s".into())
            }),
            ("settle", |raw| raw.settle = Some("-1s".into())),
            ("copy-tags", |raw| raw.copy_tags = Some("yes".into())),
            ("tags", |raw| raw.tags = Some("no equals".into())),
            ("tags", |raw| raw.tags = Some("aws:x=1".into())),
            ("tags", |raw| {
                raw.tags = Some((0..51).map(|n| format!("k{n}=v\n")).collect());
            }),
            ("aws-region", |raw| raw.aws_region = None),
            ("aws-region", |raw| raw.aws_region = Some("us-east".into())),
            ("kms-key-id", |raw| raw.kms_key_id = Some("golden".into())),
            ("kms-key-id", |raw| {
                raw.kms_key_id = Some("arn:aws:kms:eu-west-1:111111111111:alias/x".into());
            }),
            ("key-scope", |raw| raw.key_scope = Some("all".into())),
            ("copy-name", |raw| raw.copy_name = Some("{nme}".into())),
            ("max-concurrency", |raw| {
                raw.max_concurrency = Some("0".into())
            }),
            ("mask-account-ids", |raw| {
                raw.mask_account_ids = Some("1".into())
            }),
        ];
        each_is_one_problem(table);
    }
}
