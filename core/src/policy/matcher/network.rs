//! Networks that conditions name.

use std::net::IpAddr;

/// Whether an address of AWS's own can be in a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Networks {
    NeverOfAws,
    MaybeOfAws,
}

/// Networks that are nobody's on the Internet: private ones, and those for documentation.
const NOBODYS: [(&str, u32); 12] = [
    ("10.0.0.0", 8),
    ("172.16.0.0", 12),
    ("192.168.0.0", 16),
    ("100.64.0.0", 10),
    ("127.0.0.0", 8),
    ("169.254.0.0", 16),
    ("192.0.2.0", 24),
    ("198.51.100.0", 24),
    ("203.0.113.0", 24),
    ("fc00::", 7),
    ("fe80::", 10),
    ("2001:db8::", 32),
];

/// Which addresses are in a network such as `10.0.0.0/8`; `None` if it cannot be read.
pub(super) fn are_in(network: &str) -> Option<Networks> {
    let (address, length) = match network.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
        None => (network, None),
    };
    let (address, bits) = left_aligned(address.parse().ok()?);
    let length = length.unwrap_or(bits);
    if length > bits {
        return None;
    }
    for (nobodys, nobodys_length) in NOBODYS {
        let (nobodys, nobodys_bits) = left_aligned(nobodys.parse().ok()?);
        let is_within = nobodys_bits == bits
            && length >= nobodys_length
            && (address ^ nobodys) >> (128 - nobodys_length) == 0;
        if is_within {
            return Some(Networks::NeverOfAws);
        }
    }
    Some(Networks::MaybeOfAws)
}

/// The bits of an address, from the left, and how many there are.
fn left_aligned(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_is_never_of_aws_if_it_is_nobodys() {
        for (network, expected) in [
            ("10.0.0.0/8", Some(Networks::NeverOfAws)),
            ("10.1.2.3", Some(Networks::NeverOfAws)),
            ("10.1.2.3/32", Some(Networks::NeverOfAws)),
            ("10.0.0.0/7", Some(Networks::MaybeOfAws)),
            ("11.0.0.0/8", Some(Networks::MaybeOfAws)),
            ("0.0.0.0/0", Some(Networks::MaybeOfAws)),
            ("fd00::/8", Some(Networks::NeverOfAws)),
            ("2001:db8::1/128", Some(Networks::NeverOfAws)),
            ("::/0", Some(Networks::MaybeOfAws)),
            ("a00::/8", Some(Networks::MaybeOfAws)),
            ("10.0.0.0/33", None),
            ("::1/129", None),
            ("10.0.0.0/x", None),
            ("10.0.0", None),
        ] {
            assert_eq!(are_in(network), expected, "{network}");
        }
    }
}
