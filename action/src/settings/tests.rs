//! Each wrong input is one problem that names it.

use super::*;

pub(super) type Spoil = fn(&mut Raw);

/// Spoils a good request by each row, and asserts that its input is the only problem.
pub(super) fn each_is_one_problem(table: &[(&str, Spoil)]) {
    for (input, spoil) in table {
        let mut raw = good();
        spoil(&mut raw);
        let problems = parse(&raw, Vec::new()).unwrap_err();
        let inputs: Vec<&str> = problems
            .iter()
            .map(|problem| problem.input.as_str())
            .collect();
        assert_eq!(inputs, [*input], "{problems:?}");
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
fn lists_are_taken_as_people_type_them() {
    let lists = [
        "222222222222, 333333333333",
        "222222222222\n333333333333",
        "- 222222222222\n- 333333333333",
        "[\"222222222222\", \"333333333333\"]",
        "[222222222222,333333333333]",
        "2222-2222-2222 3333-3333-3333",
    ];
    for list in lists {
        let mut raw = good();
        raw.target_accounts = Some(list.into());
        let settings = parse(&raw, Vec::new()).unwrap();
        assert_eq!(settings.request.targets().len(), 2, "{list}");
    }
}

#[test]
fn objects_name_images_keys_and_tags() {
    let (mut plain, mut json) = (good(), good());
    for raw in [&mut plain, &mut json] {
        raw.copy_to_regions = Some("eu-west-1".into());
    }
    plain.ami_id = Some("us-east-1:ami-1a2b3c4d".into());
    plain.kms_key_id = Some("us-east-1=alias/a eu-west-1=alias/b".into());
    plain.tags = Some("team=a\ntier=1".into());
    json.ami_id = Some(r#"{"us-east-1": "ami-1a2b3c4d"}"#.into());
    json.kms_key_id = Some(r#"{"us-east-1": "alias/a", "eu-west-1": "alias/b"}"#.into());
    json.tags = Some(r#"{"team": "a", "tier": 1}"#.into());
    let [plain, json] = [plain, json].map(|raw| parse(&raw, Vec::new()).unwrap().request);
    assert_eq!(plain, json);
}

#[test]
fn likely_mistakes_are_guessed() {
    let table: &[(&str, &str)] = &[
        ("12345678901", "quotes"),
        ("o-abcdefghij", "target-organizations"),
        ("ou-abcd-12345678", "target-organizational-units"),
        ("*", "public"),
        ("222222222222\u{200b}", "account ID"),
    ];
    for (account, words) in table {
        let mut raw = good();
        raw.target_accounts = Some((*account).into());
        let problems = parse(&raw, Vec::new()).unwrap_err();
        assert!(problems[0].message.contains(words), "{problems:?}");
    }
    let mut raw = good();
    raw.kms_key_id = Some("golden".into());
    let problems = parse(&raw, Vec::new()).unwrap_err();
    assert!(
        problems[0].message.contains("`alias/` before it"),
        "{problems:?}"
    );
}

#[test]
fn copy_completion_is_a_duration() {
    for text in ["15m", "90m", "48h"] {
        let mut raw = good();
        raw.copy_completion = Some(text.into());
        assert!(parse(&raw, Vec::new()).is_ok(), "{text}");
    }
}

#[test]
fn dry_run_takes_what_only_a_revoke_takes() {
    let mut raw = good();
    raw.mode = Some("revoke".into());
    raw.dry_run = Some("true".into());
    raw.revoke_copies = Some("true".into());
    raw.revoke_keys_in_use = Some("true".into());
    let settings = parse(&raw, Vec::new()).unwrap();
    assert_eq!((settings.mode, settings.dry_run), (Mode::Revoke, true));
}

/// How each input can be wrong.
const WRONG: &[(&str, Spoil)] = &[
    ("ami-id", |raw| raw.ami_id = None),
    ("ami-id", |raw| raw.ami_id = Some("ami-xyz".into())),
    ("ami-id", |raw| raw.ami_id = Some("resolve:ssm:".into())),
    ("ami-id", |raw| {
        raw.ami_id = Some("resolve:ssm:/a$b".into());
    }),
    ("ami-id", |raw| {
        raw.ami_id = Some("resolve:ssm:/a resolve:ssm:/a".into());
    }),
    ("ami-id", |raw| {
        raw.ami_id = Some("ami-1a2b3c4d us-east-1:ami-1a2b3c4d".into());
    }),
    ("ami-id", |raw| {
        raw.packer_manifest = Some("packer-manifest.json".into());
    }),
    ("packer-manifest", |raw| {
        raw.ami_id = None;
        raw.packer_manifest = Some("no-such-file.json".into());
    }),
    ("ami-id", |raw| {
        raw.ami_id = Some("cn-north-1:ami-1a2b3c4d us-east-1:ami-1a2b3c4d".into());
    }),
    ("target-organizations", |raw| {
        raw.target_organizations = Some("o-abcdefghij".into());
    }),
    ("target-organizations", |raw| {
        raw.target_organizations =
            Some("arn:aws-cn:organizations::111111111111:organization/o-abcdefghij".into());
    }),
    ("target-organizational-units", |raw| {
        raw.target_organizational_units = Some("ou-ab12-cdefghij".into());
    }),
    ("copy-to-regions", |raw| {
        raw.copy_to_regions = Some("somewhere".into());
    }),
    ("kms-key-id", |raw| {
        raw.copy_to_regions = Some("eu-west-1".into());
        raw.kms_key_id = Some("us-east-1=alias/x".into());
    }),
    ("kms-key-id", |raw| {
        raw.kms_key_id = Some("alias/x alias/y".into());
    }),
    ("kms-key-id", |raw| {
        raw.kms_key_id = Some("us-east-1=alias/x us-east-1=alias/y".into());
    }),
    ("copy-completion", |raw| {
        raw.copy_completion = Some("20m".into());
    }),
    ("copy-completion", |raw| {
        raw.copy_completion = Some("soon".into());
    }),
    // What was a number of minutes is a duration now.
    ("copy-completion", |raw| {
        raw.copy_completion = Some("60".into());
    }),
    ("copy-completion", |raw| {
        raw.copy_completion = Some("49h".into());
    }),
    ("key-access", |raw| raw.key_access = Some("both".into())),
    ("key-access", |raw| {
        raw.key_access = Some("grants".into());
        raw.target_organizations =
            Some("arn:aws:organizations::111111111111:organization/o-abcdefghij".into());
    }),
    ("key-role", |raw| raw.key_role = Some("keys".into())),
    ("share-snapshots", |raw| {
        raw.share_snapshots = Some("yes".into());
    }),
    ("share-tags", |raw| raw.share_tags = Some("all Team".into())),
    ("share-tags", |raw| raw.share_tags = Some("[]".into())),
    ("share-tags", |raw| raw.share_tags = Some("aws:x".into())),
    ("share-tags", |raw| raw.share_tags = Some("k".repeat(115))),
    ("unlisted", |raw| raw.unlisted = Some("drop".into())),
    ("deprecate-at", |raw| {
        raw.deprecate_at = Some("later".into());
    }),
    ("deprecate-at", |raw| {
        raw.deprecate_at = Some("2001-01-01".into());
    }),
    ("deprecate-at", |raw| raw.deprecate_at = Some("0s".into())),
    ("publish-ssm-parameter", |raw| {
        raw.publish_ssm_parameter = Some("/a b".into());
    }),
    ("target-accounts", |raw| {
        raw.mode = Some("revoke".into());
        raw.target_accounts = None;
    }),
    ("revoke-all", |raw| {
        raw.mode = Some("revoke".into());
        raw.revoke_all = Some("true".into());
    }),
    ("revoke-copies", |raw| raw.revoke_copies = Some("1".into())),
    // Nobody may take a share for a revoke.
    ("revoke-all", |raw| raw.revoke_all = Some("true".into())),
    ("revoke-copies", |raw| {
        raw.dry_run = Some("true".into());
        raw.revoke_copies = Some("true".into());
    }),
    ("revoke-keys-in-use", |raw| {
        raw.dry_run = Some("true".into());
        raw.revoke_keys_in_use = Some("true".into());
    }),
    ("revoke-in-use", |raw| {
        raw.revoke_in_use = Some("true".into());
    }),
    ("dry-run", |raw| {
        raw.mode = Some("usage".into());
        raw.dry_run = Some("true".into());
    }),
    ("watermark", |raw| raw.watermark = Some("ab".into())),
    // Nobody may take a share for a retirement.
    ("retire-tags", |raw| raw.retire_tags = Some("a=b".into())),
    ("keep-last", |raw| raw.keep_last = Some("3".into())),
    ("grace", |raw| raw.grace = Some("3d".into())),
    ("retire-deregister", |raw| {
        raw.retire_deregister = Some("true".into());
    }),
    ("keep-last", |raw| {
        into_retirement(raw);
        raw.keep_last = Some("0".into());
    }),
    ("keep-last", |raw| {
        into_retirement(raw);
        raw.keep_last = None;
    }),
    ("retire-tags", |raw| {
        into_retirement(raw);
        raw.retire_tags = Some("Channel".into());
    }),
    ("retire-tags", |raw| {
        into_retirement(raw);
        raw.retire_tags = Some("a=b a=c".into());
    }),
    ("target-accounts", |raw| {
        into_retirement(raw);
        raw.target_accounts = Some("222222222222".into());
    }),
    ("grace", |raw| {
        into_retirement(raw);
        raw.grace = Some("-1d".into());
    }),
    ("grace", |raw| {
        into_retirement(raw);
        raw.grace = Some("2years".into());
    }),
    ("packer-manifest", |raw| {
        into_retirement(raw);
        raw.packer_manifest = Some("manifest.json".into());
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
        raw.target_accounts = Some("*".into());
    }),
    ("target-accounts", |raw| {
        raw.target_accounts = Some("all".into());
    }),
    ("mode", |raw| raw.mode = Some("Share".into())),
    ("mode", |raw| raw.mode = Some("plan".into())),
    ("dry-run", |raw| raw.dry_run = Some("yes".into())),
    ("dry-run", |raw| {
        raw.mode = Some("verify".into());
        raw.dry_run = Some("true".into());
    }),
    ("verify", |raw| {
        raw.mode = Some("verify".into());
        raw.verify = Some("none".into());
    }),
    ("timeout", |raw| raw.timeout = Some("soon".into())),
    ("timeout", |raw| raw.timeout = Some("0s".into())),
    ("poll-interval", |raw| {
        raw.poll_interval = Some("60s..5s".into());
    }),
    ("settle", |raw| raw.settle = Some("-1s".into())),
    ("copy-image-tags", |raw| {
        raw.copy_image_tags = Some("yes".into());
    }),
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
    ("key-scope", |raw| {
        raw.key_access = Some("grants".into());
        raw.key_scope = Some("via-ec2".into());
    }),
    ("copy-name", |raw| raw.copy_name = Some("{nme}".into())),
    ("max-concurrency", |raw| {
        raw.max_concurrency = Some("0".into());
    }),
    ("mask-account-ids", |raw| {
        raw.mask_account_ids = Some("1".into());
    }),
];

/// Inputs of a retirement that are right.
fn into_retirement(raw: &mut Raw) {
    raw.mode = Some("retire".into());
    (raw.ami_id, raw.target_accounts, raw.kms_key_id) = (None, None, None);
    raw.retire_tags = Some("Product=web Channel".into());
    raw.keep_last = Some("3".into());
}

#[test]
fn wrong_input_is_one_problem_that_names_it() {
    each_is_one_problem(WRONG);
}
