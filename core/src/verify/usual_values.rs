//! Usual values of condition keys whose value in a launch is not known. Nobody in an account can
//! read its service control policies, so these show whether one of them decides by such a key. None
//! is taken for the value that a launch will have.

/// Of calls on keys.
pub(super) const OF_KEYS: [&[(&str, &str)]; 2] = [
    &[
        ("aws:SourceIp", "10.0.0.1"),
        ("aws:MultiFactorAuthPresent", "false"),
        ("kms:KeySpec", "SYMMETRIC_DEFAULT"),
        ("kms:KeyUsage", "ENCRYPT_DECRYPT"),
        ("kms:KeyOrigin", "AWS_KMS"),
        ("kms:MultiRegion", "false"),
    ],
    &[
        ("aws:SourceIp", "203.0.113.1"),
        ("aws:MultiFactorAuthPresent", "true"),
        ("kms:KeyOrigin", "EXTERNAL"),
        ("kms:MultiRegion", "true"),
    ],
];

/// Of `RunInstances`.
pub(super) const OF_LAUNCHES: [&[(&str, &str)]; 2] = [
    &[
        ("aws:SourceIp", "10.0.0.1"),
        ("aws:MultiFactorAuthPresent", "false"),
        ("aws:ViaAWSService", "false"),
        ("ec2:AssociatePublicIpAddress", "false"),
        ("ec2:EbsOptimized", "false"),
        ("ec2:Encrypted", "false"),
        ("ec2:ImageType", "machine"),
        ("ec2:InstanceMarketType", "on-demand"),
        ("ec2:InstanceType", "t3.micro"),
        ("ec2:MetadataHttpEndpoint", "enabled"),
        ("ec2:MetadataHttpTokens", "optional"),
        ("ec2:Public", "false"),
        ("ec2:RootDeviceType", "ebs"),
        ("ec2:Tenancy", "default"),
        ("ec2:VolumeType", "gp2"),
    ],
    &[
        ("aws:SourceIp", "203.0.113.1"),
        ("aws:MultiFactorAuthPresent", "true"),
        ("aws:ViaAWSService", "true"),
        ("ec2:AssociatePublicIpAddress", "true"),
        ("ec2:EbsOptimized", "true"),
        ("ec2:Encrypted", "true"),
        ("ec2:InstanceMarketType", "spot"),
        ("ec2:InstanceType", "m5.large"),
        ("ec2:MetadataHttpEndpoint", "disabled"),
        ("ec2:MetadataHttpTokens", "required"),
        ("ec2:Public", "true"),
        ("ec2:Tenancy", "dedicated"),
        ("ec2:VolumeType", "gp3"),
    ],
];
