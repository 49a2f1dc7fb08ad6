//! The inputs of the request itself: which images, whom to share with, copies, keys.

use ami_share::id::{AmiRef, OrganizationArn, OuArn};
use ami_share::request::{
    ExpandOrganizations, KeyAccessMode, KeyScope, Revoke, ShareRequestBuilder, ShareSnapshots,
    TagsToShare, Unlisted,
};
use ami_share::{Principal, Region, ShareRequest};

use super::given_image::GivenImage;
use super::parser::Parser;
use super::{Mode, manifest, retirement, timing};
use crate::inputs::Raw;

/// Parses them; `mode` is `None` if that input is wrong itself.
pub(super) fn parse(parser: &mut Parser, raw: &Raw, mode: Option<Mode>) -> ShareRequestBuilder {
    let mut builder = ShareRequest::builder();
    builder = images(parser, builder, raw, mode);
    builder = targets(parser, builder, raw);
    builder = copies(parser, builder, raw);
    builder = keys(parser, builder, raw);
    builder = lifecycle(parser, builder, raw);
    builder = revoke(parser, builder, raw, mode);
    builder = retirement::parse(parser, builder, raw, mode);
    if mode == Some(Mode::Usage) {
        builder = builder.usage_only();
    }
    timing::parse(parser, builder, raw)
}

/// The images: named one by one, or by a Packer manifest.
fn images(
    parser: &mut Parser,
    mut builder: ShareRequestBuilder,
    raw: &Raw,
    mode: Option<Mode>,
) -> ShareRequestBuilder {
    if let Some(region) = parser.one::<Region>(raw.aws_region()) {
        builder = builder.region(region);
    }
    let required = parser.pairs(raw.require_image_tags());
    let text = raw.require_image_tags().text.unwrap_or_default();
    if required.is_empty() && text.replace(char::is_whitespace, "") == "{}" {
        // An empty guard would let everything through.
        let message = "there is no tag in it: give at least one, or leave it out";
        parser.problem("require-image-tags", message);
    }
    for (key, value) in required {
        builder = builder.require_image_tag(key, value);
    }
    if raw.allowed_account_ids().text.is_some() {
        builder = builder.allowed_accounts(parser.accounts(raw.allowed_account_ids()));
    }
    match (raw.ami_id().text, raw.packer_manifest().text) {
        (Some(_), Some(_)) => {
            parser.problem("ami-id", "give either this or `packer-manifest`, not both");
        }
        (None, Some(_)) if mode == Some(Mode::Retire) => parser.problem(
            "packer-manifest",
            "a retirement finds its images by `retire-tags`: leave it out",
        ),
        (None, None) if mode == Some(Mode::Retire) => {}
        (None, None) => parser.problem(
            "ami-id",
            "no image is given: name at least one AMI, or a `packer-manifest`",
        ),
        (Some(_), None) => {
            for image in parser.images(raw.ami_id()) {
                builder = match image {
                    GivenImage::Id(AmiRef {
                        region: Some(region),
                        ami,
                    }) => builder.image_in(region, ami),
                    GivenImage::Id(AmiRef { region: None, ami }) => builder.image(ami),
                    GivenImage::Parameter(region, name) => builder.image_of_parameter(region, name),
                };
            }
        }
        (None, Some(path)) => match manifest::read(path.as_ref()) {
            Ok(images) => {
                for (region, image_id) in images {
                    builder = builder.image_in(region, image_id);
                }
            }
            Err(error) => parser.problem("packer-manifest", format!("`{path}`: {error:#}")),
        },
    }
    builder
}

fn targets(
    parser: &mut Parser,
    mut builder: ShareRequestBuilder,
    raw: &Raw,
) -> ShareRequestBuilder {
    let keys = parser.words(raw.share_tags());
    if keys == ["all"] {
        builder = builder.share_tags(TagsToShare::All);
    } else if keys.iter().any(|key| key == "all") {
        let message = "`all` means every tag of the image: give it alone, or only keys";
        parser.problem("share-tags", message);
    } else if !keys.is_empty() {
        builder = builder.share_tags(TagsToShare::Keys(keys.into_iter().collect()));
    }
    builder = organizations(parser, builder, raw);
    let organizations: Vec<OrganizationArn> = parser.list(raw.target_organizations());
    let units: Vec<OuArn> = parser.list(raw.target_organizational_units());
    let unlisted = [("keep", Unlisted::Keep), ("revoke", Unlisted::Revoke)];
    builder
        .target_accounts(parser.accounts(raw.target_accounts()))
        .targets(organizations.into_iter().map(Principal::Organization))
        .targets(units.into_iter().map(Principal::OrganizationalUnit))
        .unlisted(parser.choice(raw.unlisted(), &unlisted).unwrap_or_default())
}

/// Whether organizations are taken for their accounts too, and who lists these.
fn organizations(
    parser: &mut Parser,
    builder: ShareRequestBuilder,
    raw: &Raw,
) -> ShareRequestBuilder {
    let expand = ExpandOrganizations {
        role: parser.one(raw.organizations_role()),
        exclude: parser
            .accounts(raw.exclude_accounts())
            .into_iter()
            .collect(),
    };
    if parser.flag(raw.expand_organizations(), false) {
        return builder.expand_organizations(expand);
    }
    for input in [raw.organizations_role(), raw.exclude_accounts()] {
        if input.text.is_some() {
            parser.problem(input.name, "needs `expand-organizations: true`");
        }
    }
    builder
}

fn copies(parser: &mut Parser, mut builder: ShareRequestBuilder, raw: &Raw) -> ShareRequestBuilder {
    builder = builder
        .copy_image_tags(parser.flag(raw.copy_image_tags(), true))
        .copy_to_regions(parser.list::<Region>(raw.copy_to_regions()));
    if let Some(name) = raw.copy_name().text {
        builder = builder.copy_name(name);
    }
    if let Some(description) = raw.copy_description().text {
        builder = builder.copy_description(description);
    }
    builder = builder.share_source(parser.flag(raw.share_source(), true));
    if let Some(time) = parser.duration(raw.copy_completion()) {
        builder = builder.copy_completion(time);
    }
    for (key, value) in parser.pairs(raw.tags()) {
        builder = builder.tag(key, value);
    }
    builder
}

fn keys(parser: &mut Parser, mut builder: ShareRequestBuilder, raw: &Raw) -> ShareRequestBuilder {
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
    for (region, key) in parser.keys(raw.kms_key_id()) {
        builder = match region {
            Some(region) => builder.kms_key_in(region, key),
            None => builder.kms_key(key),
        };
    }
    if let Some(mode) = parser.choice(raw.key_access(), &modes) {
        builder = builder.key_access(mode);
    }
    // Grants cannot keep the default, which is no problem unless it is given by name.
    if raw.key_scope().text.is_some()
        && let Some(scope) = parser.choice(raw.key_scope(), &scopes)
    {
        builder = builder.key_scope(scope);
    }
    if let Some(share) = parser.choice(raw.share_snapshots(), &snapshots) {
        builder = builder.share_snapshots(share);
    }
    if let Some(role) = parser.one(raw.key_role()) {
        builder = builder.key_role(role);
    }
    builder.drop_stale_principals(parser.flag(raw.drop_stale_principals(), false))
}

/// What happens to the images once they are shared.
fn lifecycle(
    parser: &mut Parser,
    mut builder: ShareRequestBuilder,
    raw: &Raw,
) -> ShareRequestBuilder {
    builder =
        builder.deregistration_protection(parser.flag(raw.deregistration_protection(), false));
    if let Some(at) = parser.deprecation(raw.deprecate_at()) {
        builder = builder.deprecate_at(at);
    }
    if let Some(name) = raw.watermark().text {
        builder = builder.watermark(name);
    }
    if let Some(name) = raw.publish_ssm_parameter().text {
        builder = builder.publish_ssm_parameter(name);
    }
    builder.overwrite_ssm_parameter(parser.flag(raw.overwrite_ssm_parameter(), false))
}

/// What a revoke removes. With another mode these inputs are refused: nobody may take a share for
/// a revoke.
fn revoke(
    parser: &mut Parser,
    builder: ShareRequestBuilder,
    raw: &Raw,
    mode: Option<Mode>,
) -> ShareRequestBuilder {
    let revoke = Revoke {
        all: parser.flag(raw.revoke_all(), false),
        copies: parser.flag(raw.revoke_copies(), false),
        keys_in_use: parser.flag(raw.revoke_keys_in_use(), false),
    };
    let in_use = parser.flag(raw.revoke_in_use(), false);
    let builder = builder.revoke_in_use(in_use && mode.is_some());
    if mode == Some(Mode::Revoke) {
        return builder.revoke(revoke);
    }
    if mode.is_some() {
        for (input, given) in [
            ("revoke-all", revoke.all),
            ("revoke-copies", revoke.copies),
            ("revoke-keys-in-use", revoke.keys_in_use),
        ] {
            if given {
                parser.problem(input, "needs `mode: revoke`");
            }
        }
    }
    builder
}
