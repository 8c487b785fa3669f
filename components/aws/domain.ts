import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

export interface CertificateArgs {
  /** Domain; the certificate holds for it and for every name right below it. */
  readonly domainName: string;
  readonly hostedZoneId: string;
}

/**
 * A certificate for the dashboards' names, proven by a record in the zone.
 *
 * @returns its ARN, known once AWS has issued it.
 */
export function createCertificate(
  name: string,
  args: CertificateArgs,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const certificate = new aws.acm.Certificate(
    name,
    {
      domainName: args.domainName,
      subjectAlternativeNames: [`*.${args.domainName}`],
      validationMethod: "DNS",
    },
    opts,
  );
  // The domain and its wildcard are proven by one and the same record.
  const proof = certificate.domainValidationOptions.apply(([option]) => option);
  const record = new aws.route53.Record(
    `${name}-proof`,
    {
      zoneId: args.hostedZoneId,
      name: proof.apply((option) => option?.resourceRecordName ?? ""),
      type: proof.apply((option) => option?.resourceRecordType ?? ""),
      records: [proof.apply((option) => option?.resourceRecordValue ?? "")],
      ttl: 300,
      allowOverwrite: true,
    },
    opts,
  );
  return new aws.acm.CertificateValidation(
    `${name}-issued`,
    { certificateArn: certificate.arn, validationRecordFqdns: [record.fqdn] },
    opts,
  ).certificateArn;
}
