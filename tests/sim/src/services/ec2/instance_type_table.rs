//! A few instance types of each kind, as AWS describes them (R7.28).

/// An instance type.
#[derive(Clone, Copy, Debug)]
pub(super) struct InstanceType {
    pub(super) name: &'static str,
    pub(super) vcpus: u32,
    /// MiB.
    pub(super) memory: u32,
    pub(super) machine: &'static Machine,
    /// Whether accounts on the free plan may launch it.
    pub(super) free: bool,
}

/// What the types of a generation have in common.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) architectures: &'static [&'static str],
    pub(super) boot_modes: &'static [&'static str],
    pub(super) virtualization: &'static [&'static str],
    /// `required`, `supported` or `unsupported`.
    pub(super) ena: &'static str,
    pub(super) tpm: bool,
    pub(super) bare_metal: bool,
    pub(super) current: bool,
}

const NITRO: Machine = Machine {
    architectures: &["x86_64"],
    boot_modes: &["legacy-bios", "uefi"],
    virtualization: &["hvm"],
    ena: "required",
    tpm: true,
    bare_metal: false,
    current: true,
};
const GRAVITON: Machine = Machine {
    architectures: &["arm64"],
    boot_modes: &["uefi"],
    ..NITRO
};
const XEN: Machine = Machine {
    architectures: &["i386", "x86_64"],
    boot_modes: &["legacy-bios"],
    ena: "unsupported",
    tpm: false,
    ..NITRO
};
const XEN_WITH_ENA: Machine = Machine {
    architectures: &["x86_64"],
    ena: "supported",
    ..XEN
};
const FIRST: Machine = Machine {
    virtualization: &["paravirtual"],
    current: false,
    ..XEN
};
const METAL: Machine = Machine {
    bare_metal: true,
    tpm: false,
    ..NITRO
};
const MAC: Machine = Machine {
    architectures: &["x86_64_mac"],
    ..METAL
};
const MAC_ARM: Machine = Machine {
    architectures: &["arm64_mac"],
    ..METAL
};

const fn of(
    name: &'static str,
    vcpus: u32,
    memory: u32,
    machine: &'static Machine,
) -> InstanceType {
    InstanceType {
        name,
        vcpus,
        memory,
        machine,
        free: false,
    }
}

const fn free(instance_type: InstanceType) -> InstanceType {
    InstanceType {
        free: true,
        ..instance_type
    }
}

pub(super) const TYPES: [InstanceType; 20] = [
    of("t3.nano", 2, 512, &NITRO),
    free(of("t3.micro", 2, 1024, &NITRO)),
    free(of("t3.small", 2, 2048, &NITRO)),
    of("t3a.nano", 2, 512, &NITRO),
    of("t4g.nano", 2, 512, &GRAVITON),
    free(of("t4g.micro", 2, 1024, &GRAVITON)),
    free(of("t4g.small", 2, 2048, &GRAVITON)),
    of("m6g.medium", 1, 4096, &GRAVITON),
    of("t2.nano", 1, 512, &XEN),
    of("t2.micro", 1, 1024, &XEN),
    of("m4.large", 2, 8192, &XEN_WITH_ENA),
    of("m1.small", 1, 1740, &FIRST),
    of("m5.large", 2, 8192, &NITRO),
    free(of("m7i-flex.large", 2, 8192, &NITRO)),
    of("m7i.4xlarge", 16, 65_536, &NITRO),
    of("m7g.8xlarge", 32, 131_072, &GRAVITON),
    of("c5.metal", 96, 196_608, &METAL),
    of("a1.metal", 16, 32_768, &GRAVITON),
    of("mac1.metal", 12, 32_768, &MAC),
    of("mac2.metal", 8, 16_384, &MAC_ARM),
];

/// An instance type by its name. One that is not in the table is taken for a small one of the
/// architecture that its name tells; `None` if it does not have the form of a type.
pub(super) fn find(name: &str) -> Option<InstanceType> {
    let known = TYPES.iter().find(|known| known.name == name).copied();
    known.or_else(|| {
        let machine = if is_arm(name)? { &GRAVITON } else { &NITRO };
        Some(of("", 2, 4096, machine))
    })
}

/// Whether a type is one of Arm by its name: it has a `g` after the generation. `None` if it does
/// not have the form of a type.
fn is_arm(name: &str) -> Option<bool> {
    let (family, size) = name.split_once('.')?;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    let generation = family.find(|c: char| c.is_ascii_digit())?;
    if generation == 0 || size.is_empty() || !name.chars().all(fits) {
        return None;
    }
    let options = family[generation..].trim_start_matches(|c: char| c.is_ascii_digit());
    Some(family == "a1" || options.starts_with('g'))
}
