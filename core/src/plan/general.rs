//! Findings about the run as a whole.

use crate::diagnostic::{Finding, FindingCode};
use crate::id::Principal;
use crate::inventory::{ImageState, Inventory};
use crate::request::{KeyAccessMode, ShareRequest, Timing};

pub(super) fn findings(request: &ShareRequest, inventory: &Inventory) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (account, options) = (&inventory.account, &request.options);
    findings.extend(inventory.off.iter().map(|region| {
        Finding::refuse(
            FindingCode::RegionOff,
            region,
            format!(
                "account {account} has not turned this Region on, so nothing can be shared there"
            ),
        )
    }));
    if options
        .targets
        .contains(&Principal::Account(account.clone()))
    {
        findings.push(Finding::warn(
            FindingCode::TargetIsSource,
            account,
            "this target is the source account itself, which needs no sharing",
        ));
    }
    if options.timing.settle < Timing::SAFE_SETTLE {
        findings.push(Finding::warn(
            FindingCode::TimingSettleShort,
            "settle",
            "a key policy is watched for less than 8 s after a change, so a run beside this one \
             may overwrite it unseen",
        ));
    }
    if options.revoke.is_none() && options.key_access == KeyAccessMode::Grants {
        findings.push(Finding::warn(
            FindingCode::GrantsRedelegable,
            "key-access",
            "a grant that lets a target launch lets it make grants too, and so hand its access on \
             to others (R3.3.9)",
        ));
    }
    if inventory.fixed_session && waits(request, inventory) {
        findings.push(Finding::warn(
            FindingCode::CredentialsMayExpire,
            "credentials",
            "the run waits for images or copies with session credentials that cannot be renewed \
             and may end before it (R5.7)",
        ));
    }
    findings
}

/// Whether the run may have to wait for long.
fn waits(request: &ShareRequest, inventory: &Inventory) -> bool {
    let mut regions = inventory.regions.values();
    let copies = regions
        .clone()
        .any(|region| region.destination.is_some() && region.copies.is_empty());
    let pending = regions.any(|region| {
        region
            .images
            .values()
            .any(|image| image.state == ImageState::Pending)
    });
    request.options.revoke.is_none() && (copies || pending)
}
