//! Whether an instance type fits an image (R7.28).

use super::instance_type_table::InstanceType;
use crate::policy::matches;
use crate::wire::Fail;
use crate::world::Image;

/// Checks that the type has what the image needs.
pub(super) fn check(image: &Image, name: &str, one: &InstanceType) -> Result<(), Fail> {
    let (machine, hardware) = (one.machine, &image.hardware);
    if !machine.architectures.contains(&image.architecture.as_str()) {
        let message = format!(
            "The architecture '{}' of the specified instance type does not match the architecture \
             '{}' of the specified AMI. Specify an instance type and an AMI that have matching \
             architectures, and try again.",
            machine.architectures.join(","),
            image.architecture
        );
        return Err(Fail::invalid_value(message));
    }
    let virtualization = hardware.virtualization.as_str();
    if !machine.virtualization.contains(&virtualization) {
        let message = if virtualization == "paravirtual" {
            format!("Virtualization type 'hvm' is required for instances of type '{name}'.")
        } else {
            format!(
                "Non-Windows instances with a virtualization type of '{virtualization}' are \
                 currently not supported for this instance type."
            )
        };
        return Err(combination(message));
    }
    check_boot_mode(image, name, one)?;
    if machine.ena == "required" && !hardware.ena {
        return Err(combination(format!(
            "Enhanced networking with the Elastic Network Adapter (ENA) is required for the \
             '{name}' instance type. Ensure that you are using an AMI that is enabled for ENA."
        )));
    }
    if hardware.tpm.is_some() && !machine.tpm {
        // AWS's words are not known.
        let message = format!("The {name} instance type does not support NitroTPM.");
        return Err(combination(message));
    }
    if !is_specified(image, name) {
        // AWS's words are not known.
        return Err(combination(format!(
            "The instance type '{name}' is not supported by the instance type specification of the \
             AMI {}.",
            image.id
        )));
    }
    Ok(())
}

fn check_boot_mode(image: &Image, name: &str, one: &InstanceType) -> Result<(), Fail> {
    let modes = one.machine.boot_modes;
    match image.hardware.boot_mode.as_deref() {
        Some("uefi") if !modes.contains(&"uefi") => Err(Fail::invalid_value(format!(
            "The {name} instance type does not support an AMI with a boot mode of UEFI. Only \
             instance types built on the Nitro System support UEFI. Specify an instance type that \
             supports UEFI, and try again."
        ))),
        Some("legacy-bios") if !modes.contains(&"legacy-bios") => {
            Err(Fail::invalid_value(format!(
                "The {name} instance type does not support an AMI with a boot mode of Legacy BIOS."
            )))
        }
        _ => Ok(()),
    }
}

/// Whether the image's list of instance types lets it run on this one.
fn is_specified(image: &Image, name: &str) -> bool {
    let fits = |pattern: &String| matches(pattern, name);
    let (supported, unsupported) = (&image.hardware.supported, &image.hardware.unsupported);
    (supported.is_empty() || supported.iter().any(fits)) && !unsupported.iter().any(fits)
}

fn combination(message: String) -> Fail {
    Fail::bad("InvalidParameterCombination", message)
}
