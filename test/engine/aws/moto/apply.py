"""Applies what the program would tell AWS to an AWS in memory, through AWS's own SDK.

Standard input: a JSON list of resources `{type, name, id, inputs}` in the order of their dependencies; `id` is what
later inputs call the resource. AWS_DEFAULT_REGION names the region. Standard output: JSON with `applied` (types),
`skipped` (types) and what AWS then says of the resources that matter most.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_EC2_METADATA_DISABLED="true",
)

import boto3
from moto import mock_aws

Inputs = dict[str, Any]
# What AWS calls the resource, where others name it.
Id = str | None


def client(service: str) -> Any:  # noqa: ANN401
    """A client of a service; boto3 makes its types at run time."""
    return boto3.client(service)


def tag_list(tags: dict[str, str] | None) -> list[dict[str, str]]:
    """Tags as most services take them."""
    return [{"Key": key, "Value": value} for key, value in (tags or {}).items()]


def pascal(value: Any) -> Any:  # noqa: ANN401
    """The same structure with the names that EC2 gives its parameters."""
    if isinstance(value, list):
        return [pascal(item) for item in value]
    if not isinstance(value, dict):
        return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
    names = {"tags": lambda tags: tag_list(tags)}
    return {
        key[0].upper() + key[1:]: names[key](item) if key in names else pascal(item)
        for key, item in value.items()
    }


def vpc(name: str, inputs: Inputs) -> Id:
    ec2 = client("ec2")
    made = ec2.create_vpc(CidrBlock=inputs["cidrBlock"])["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=made, EnableDnsHostnames={"Value": inputs["enableDnsHostnames"]})
    ec2.modify_vpc_attribute(VpcId=made, EnableDnsSupport={"Value": inputs["enableDnsSupport"]})
    return made


def subnet(name: str, inputs: Inputs) -> Id:
    made = client("ec2").create_subnet(
        VpcId=inputs["vpcId"], CidrBlock=inputs["cidrBlock"], AvailabilityZone=inputs["availabilityZone"]
    )
    return made["Subnet"]["SubnetId"]


def internet_gateway(name: str, inputs: Inputs) -> Id:
    ec2 = client("ec2")
    made = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=inputs["vpcId"])
    return made


def elastic_ip(name: str, inputs: Inputs) -> Id:
    return client("ec2").allocate_address(Domain=inputs["domain"])["AllocationId"]


def nat_gateway(name: str, inputs: Inputs) -> Id:
    made = client("ec2").create_nat_gateway(AllocationId=inputs["allocationId"], SubnetId=inputs["subnetId"])
    return made["NatGateway"]["NatGatewayId"]


def route_table(name: str, inputs: Inputs) -> Id:
    return client("ec2").create_route_table(VpcId=inputs["vpcId"])["RouteTable"]["RouteTableId"]


def route(name: str, inputs: Inputs) -> Id:
    client("ec2").create_route(**pascal(inputs))
    return None


def route_table_association(name: str, inputs: Inputs) -> Id:
    client("ec2").associate_route_table(**pascal(inputs))
    return None


def security_group(name: str, inputs: Inputs) -> Id:
    ec2 = client("ec2")
    made = ec2.create_security_group(
        GroupName=name, Description=inputs["description"], VpcId=inputs["vpcId"]
    )["GroupId"]
    for rule in inputs.get("ingress", []):
        ranges = [{"CidrIp": cidr} for cidr in rule["cidrBlocks"]]
        ports = {"FromPort": rule["fromPort"], "ToPort": rule["toPort"]}
        permission = {"IpProtocol": rule["protocol"], "IpRanges": ranges, **ports}
        ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[permission])
    if inputs.get("egress") == []:
        group = ec2.describe_security_groups(GroupIds=[made])["SecurityGroups"][0]
        ec2.revoke_security_group_egress(GroupId=made, IpPermissions=group["IpPermissionsEgress"])
    return made


def security_group_ingress_rule(name: str, inputs: Inputs) -> Id:
    permission = {
        "IpProtocol": inputs["ipProtocol"],
        "FromPort": inputs["fromPort"],
        "ToPort": inputs["toPort"],
        "UserIdGroupPairs": [{"GroupId": inputs["referencedSecurityGroupId"]}],
    }
    client("ec2").authorize_security_group_ingress(
        GroupId=inputs["securityGroupId"], IpPermissions=[permission]
    )
    return None


def vpc_endpoint(name: str, inputs: Inputs) -> Id:
    wanted = {key: value for key, value in inputs.items() if key not in ("tags", "policy")}
    policy = {"PolicyDocument": inputs["policy"]} if "policy" in inputs else {}
    made = client("ec2").create_vpc_endpoint(**pascal(wanted), **policy)
    return made["VpcEndpoint"]["VpcEndpointId"]


def launch_template(name: str, inputs: Inputs) -> Id:
    data = {key: value for key, value in inputs.items() if key != "updateDefaultVersion"}
    made = client("ec2").create_launch_template(LaunchTemplateName=name, LaunchTemplateData=pascal(data))
    return made["LaunchTemplate"]["LaunchTemplateId"]


def bucket(name: str, inputs: Inputs) -> Id:
    real = inputs.get("bucket", f"{name}-moto")
    region = os.environ["AWS_DEFAULT_REGION"]
    # The oldest region is the one that S3 wants not to be told.
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    client("s3").create_bucket(Bucket=real, **place)
    return real


def bucket_versioning(name: str, inputs: Inputs) -> Id:
    configuration = pascal(inputs["versioningConfiguration"])
    client("s3").put_bucket_versioning(Bucket=inputs["bucket"], VersioningConfiguration=configuration)
    return None


def bucket_public_access_block(name: str, inputs: Inputs) -> Id:
    block = pascal({key: value for key, value in inputs.items() if key != "bucket"})
    client("s3").put_public_access_block(Bucket=inputs["bucket"], PublicAccessBlockConfiguration=block)
    return None


def bucket_ownership(name: str, inputs: Inputs) -> Id:
    controls = {"Rules": [pascal(inputs["rule"])]}
    client("s3").put_bucket_ownership_controls(Bucket=inputs["bucket"], OwnershipControls=controls)
    return None


def bucket_encryption(name: str, inputs: Inputs) -> Id:
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": {
                "SSEAlgorithm": rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"],
                "KMSMasterKeyID": rule["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"],
            },
            "BucketKeyEnabled": rule["bucketKeyEnabled"],
        }
        for rule in inputs["rules"]
    ]
    client("s3").put_bucket_encryption(
        Bucket=inputs["bucket"], ServerSideEncryptionConfiguration={"Rules": rules}
    )
    return None


def bucket_policy(name: str, inputs: Inputs) -> Id:
    client("s3").put_bucket_policy(Bucket=inputs["bucket"], Policy=inputs["policy"])
    return None


def bucket_lifecycle(name: str, inputs: Inputs) -> Id:
    rules = [{**pascal(rule), "ID": rule["id"]} for rule in inputs["rules"]]
    for rule in rules:
        del rule["Id"]
    client("s3").put_bucket_lifecycle_configuration(
        Bucket=inputs["bucket"], LifecycleConfiguration={"Rules": rules}
    )
    return None


def repository(name: str, inputs: Inputs) -> Id:
    client("ecr").create_repository(
        repositoryName=inputs["name"],
        imageTagMutability=inputs["imageTagMutability"],
        imageScanningConfiguration=inputs["imageScanningConfiguration"],
        encryptionConfiguration=inputs["encryptionConfigurations"][0],
    )
    return inputs["name"]


def repository_lifecycle(name: str, inputs: Inputs) -> Id:
    client("ecr").put_lifecycle_policy(
        repositoryName=inputs["repository"], lifecyclePolicyText=inputs["policy"]
    )
    return None


def key(name: str, inputs: Inputs) -> Id:
    kms = client("kms")
    made = kms.create_key(Policy=inputs["policy"], Description=inputs["description"])["KeyMetadata"]
    if inputs["enableKeyRotation"]:
        kms.enable_key_rotation(KeyId=made["KeyId"])
    return made["KeyId"]


def key_alias(name: str, inputs: Inputs) -> Id:
    client("kms").create_alias(AliasName=inputs["name"], TargetKeyId=inputs["targetKeyId"])
    return None


def role(name: str, inputs: Inputs) -> Id:
    client("iam").create_role(
        RoleName=name,
        AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
        Description=inputs["description"],
    )
    return name


def role_policy(name: str, inputs: Inputs) -> Id:
    client("iam").put_role_policy(RoleName=inputs["role"], PolicyName=name, PolicyDocument=inputs["policy"])
    return None


def role_policy_attachment(name: str, inputs: Inputs) -> Id:
    client("iam").attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
    return None


def identity_provider(name: str, inputs: Inputs) -> Id:
    client("iam").create_open_id_connect_provider(Url=inputs["url"], ClientIDList=inputs["clientIdLists"])
    return None


def database_subnets(name: str, inputs: Inputs) -> Id:
    client("rds").create_db_subnet_group(
        DBSubnetGroupName=name,
        DBSubnetGroupDescription=inputs["description"],
        SubnetIds=inputs["subnetIds"],
    )
    return name


def database_parameters(name: str, inputs: Inputs) -> Id:
    rds = client("rds")
    rds.create_db_parameter_group(
        DBParameterGroupName=name,
        DBParameterGroupFamily=inputs["family"],
        Description=inputs["description"],
    )
    parameters = [
        {"ParameterName": one["name"], "ParameterValue": one["value"], "ApplyMethod": "pending-reboot"}
        for one in inputs["parameters"]
    ]
    rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=parameters)
    return name


DATABASE_NAMES = {
    "allocatedStorage": "AllocatedStorage",
    "autoMinorVersionUpgrade": "AutoMinorVersionUpgrade",
    "backupRetentionPeriod": "BackupRetentionPeriod",
    "caCertIdentifier": "CACertificateIdentifier",
    "copyTagsToSnapshot": "CopyTagsToSnapshot",
    "dbName": "DBName",
    "dbSubnetGroupName": "DBSubnetGroupName",
    "deletionProtection": "DeletionProtection",
    "engine": "Engine",
    "engineVersion": "EngineVersion",
    "instanceClass": "DBInstanceClass",
    "kmsKeyId": "KmsKeyId",
    "manageMasterUserPassword": "ManageMasterUserPassword",
    "masterUserSecretKmsKeyId": "MasterUserSecretKmsKeyId",
    "maxAllocatedStorage": "MaxAllocatedStorage",
    "multiAz": "MultiAZ",
    "parameterGroupName": "DBParameterGroupName",
    "publiclyAccessible": "PubliclyAccessible",
    "storageEncrypted": "StorageEncrypted",
    "storageType": "StorageType",
    "username": "MasterUsername",
    "vpcSecurityGroupIds": "VpcSecurityGroupIds",
}
# What the provider does with it happens at deletion, or is no parameter of the creation.
DATABASE_LATER = {"deleteAutomatedBackups", "skipFinalSnapshot", "finalSnapshotIdentifier", "tags"}


def database(name: str, inputs: Inputs) -> Id:
    unknown = set(inputs) - set(DATABASE_NAMES) - DATABASE_LATER
    if unknown:
        raise ValueError(f"{name}: inputs that this script does not know: {sorted(unknown)}")
    wanted = {DATABASE_NAMES[key]: value for key, value in inputs.items() if key in DATABASE_NAMES}
    made = client("rds").create_db_instance(DBInstanceIdentifier=name, **wanted)["DBInstance"]
    return made["DBInstanceIdentifier"]


def secret(name: str, inputs: Inputs) -> Id:
    made = client("secretsmanager").create_secret(
        Name=name, Description=inputs["description"], KmsKeyId=inputs["kmsKeyId"]
    )
    return made["ARN"]


def secret_version(name: str, inputs: Inputs) -> Id:
    client("secretsmanager").put_secret_value(
        SecretId=inputs["secretId"], SecretString=inputs["secretString"]
    )
    return None


APPLY: dict[str, Callable[[str, Inputs], Id]] = {
    "aws:ec2/eip:Eip": elastic_ip,
    "aws:ec2/internetGateway:InternetGateway": internet_gateway,
    "aws:ec2/launchTemplate:LaunchTemplate": launch_template,
    "aws:ec2/natGateway:NatGateway": nat_gateway,
    "aws:ec2/route:Route": route,
    "aws:ec2/routeTable:RouteTable": route_table,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": route_table_association,
    "aws:ec2/securityGroup:SecurityGroup": security_group,
    "aws:ec2/subnet:Subnet": subnet,
    "aws:ec2/vpc:Vpc": vpc,
    "aws:ec2/vpcEndpoint:VpcEndpoint": vpc_endpoint,
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": repository_lifecycle,
    "aws:ecr/repository:Repository": repository,
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": identity_provider,
    "aws:iam/role:Role": role,
    "aws:iam/rolePolicy:RolePolicy": role_policy,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": role_policy_attachment,
    "aws:kms/alias:Alias": key_alias,
    "aws:kms/key:Key": key,
    "aws:rds/instance:Instance": database,
    "aws:rds/parameterGroup:ParameterGroup": database_parameters,
    "aws:rds/subnetGroup:SubnetGroup": database_subnets,
    "aws:s3/bucket:Bucket": bucket,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": bucket_lifecycle,
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": bucket_ownership,
    "aws:s3/bucketPolicy:BucketPolicy": bucket_policy,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": bucket_public_access_block,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        bucket_encryption
    ),
    "aws:s3/bucketVersioning:BucketVersioning": bucket_versioning,
    "aws:secretsmanager/secret:Secret": secret,
    "aws:secretsmanager/secretVersion:SecretVersion": secret_version,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": security_group_ingress_rule,
}


def replaced(value: Any, ids: dict[str, str]) -> Any:  # noqa: ANN401
    """The inputs with the ids that AWS gave in the place of those that the program was told."""
    if isinstance(value, dict):
        return {name: replaced(item, ids) for name, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, ids) for item in value]
    if not isinstance(value, str):
        return value
    for old in sorted(ids, key=len, reverse=True):
        value = value.replace(old, ids[old])
    return value


def apply(resources: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Makes every resource that there is a function for."""
    ids: dict[str, str] = {}
    applied, skipped = set(), set()
    for resource in resources:
        make = APPLY.get(resource["type"])
        if make is None:
            skipped.add(resource["type"])
            continue
        made = make(resource["name"], replaced(resource["inputs"], ids))
        if made is not None:
            ids[resource["id"]] = made
        # EKS makes the security group of the nodes, which rules of ours name.
        if resource["type"] == "aws:ec2/vpc:Vpc":
            ids["sg-cluster"] = security_group("eks", {"description": "EKS", "vpcId": made})
        applied.add(resource["type"])
    return {"applied": sorted(applied), "skipped": sorted(skipped)}


def seen() -> dict[str, Any]:
    """What AWS says of what was made."""
    s3, ec2 = client("s3"), client("ec2")
    names = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    templates = ec2.describe_launch_templates()["LaunchTemplates"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["false"]}])["Subnets"]
    return {
        "buckets": {
            name: {
                "versioning": s3.get_bucket_versioning(Bucket=name).get("Status"),
                "publicAccessBlock": s3.get_public_access_block(Bucket=name)[
                    "PublicAccessBlockConfiguration"
                ],
                "encryption": s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"],
                "rules": len(s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]),
                "policy": json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]),
            }
            for name in names
        },
        "databases": client("rds").describe_db_instances()["DBInstances"],
        "keys": sorted(one["AliasName"] for one in client("kms").list_aliases()["Aliases"]),
        "launchTemplates": [
            ec2.describe_launch_template_versions(LaunchTemplateId=one["LaunchTemplateId"])[
                "LaunchTemplateVersions"
            ][0]["LaunchTemplateData"]
            for one in templates
        ],
        "repositories": client("ecr").describe_repositories()["repositories"],
        "roles": sorted(one["RoleName"] for one in client("iam").list_roles()["Roles"]),
        "subnets": sorted(
            (one["AvailabilityZone"], one["CidrBlock"], one["MapPublicIpOnLaunch"]) for one in subnets
        ),
    }


@mock_aws(config={"iam": {"load_aws_managed_policies": True}})
def main() -> None:
    counts = apply(json.load(sys.stdin))
    json.dump({**counts, **seen()}, sys.stdout, default=str)


if __name__ == "__main__":
    main()
