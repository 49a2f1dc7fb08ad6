//! Requests that say too little, or two things at once.

use super::*;

#[test]
fn each_mistake_has_one_message_that_says_what_to_do() {
    type Mistake = fn(ShareRequestBuilder) -> ShareRequestBuilder;
    let table: [(&str, &str, Mistake); 15] = [
        ("keep-last", "at least 1", |it| it.retire(keep(0))),
        ("keep-last", "which images stay", |it| {
            it.retire(Retire {
                keep_last: None,
                ..keep(1)
            })
        }),
        ("retire-tags", "at least one `KEY=VALUE`", |it| {
            it.retire(Retire {
                tags: BTreeMap::new(),
                ..keep(1)
            })
        }),
        ("retire-tags", "with a value and without", |it| {
            it.retire(Retire {
                group_by: ["Product".to_owned()].into(),
                ..keep(1)
            })
        }),
        ("keep-younger", "longer than nothing", |it| {
            it.retire(Retire {
                keep_younger: Some(Duration::ZERO),
                ..keep(1)
            })
        }),
        ("grace", "from 1d to 365d", |it| {
            it.retire(Retire {
                grace: Duration::from_hours(23),
                ..keep(1)
            })
        }),
        ("grace", "from 1d to 365d", |it| {
            it.retire(Retire {
                grace: DAY * 366,
                ..keep(1)
            })
        }),
        ("grace", "at most 29d with `retire-deregister`", |it| {
            it.retire(Retire {
                grace: DAY * 30,
                ..with_deregistration(1)
            })
        }),
        ("grace", "from 1d to 365d", |it| {
            it.retire(Retire {
                grace: DAY * 366,
                ..with_deregistration(1)
            })
        }),
        ("target-accounts", "`mode: revoke`", |it| {
            it.target_account(B.parse().unwrap())
        }),
        ("ami-id", "by `retire-tags`", |it| {
            it.image("ami-0123456789abcdef0".parse().unwrap())
        }),
        ("kms-key-id", "leave it out", |it| {
            it.kms_key("alias/golden".parse().unwrap())
        }),
        ("unlisted", "leave it out", |it| {
            it.unlisted(ami_share::request::Unlisted::Revoke)
        }),
        ("deprecate-at", "leave it out", |it| {
            it.deprecate_at(ami_share::request::DeprecateAt::AfterCreation(DAY))
        }),
        ("deregistration-protection", "leave it out", |it| {
            it.deregistration_protection(true)
        }),
    ];
    for (field, words, mistake) in table {
        let region = "us-east-1".parse().unwrap();
        let right = ShareRequest::builder().region(region).retire(keep(1));
        assert_eq!(right.validate().iter().count(), 0);
        let problems = mistake(right).validate();
        let found: Vec<_> = problems.iter().collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].field, field);
        assert!(found[0].message.contains(words), "{}", found[0].message);
    }
    for retire in [
        Retire {
            grace: DAY * 29,
            ..with_deregistration(1)
        },
        Retire {
            grace: DAY * 365,
            ..keep(1)
        },
    ] {
        let region = "us-east-1".parse().unwrap();
        let right = ShareRequest::builder().region(region).retire(retire);
        assert_eq!(right.validate().iter().count(), 0);
    }
    let problems = ShareRequest::builder().retire(keep(1)).validate();
    assert_eq!(problems.iter().next().unwrap().field, "aws-region");
}
