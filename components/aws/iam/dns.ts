/** What the controllers of names and certificates may do in Route 53: in one zone, and no other. */
import { document, type PolicyDocument } from "./document.ts";

/** external-dns: keeps the records of what the cluster exposes. */
export function dnsRecords(hostedZoneId: string): PolicyDocument {
  const zone = `arn:aws:route53:::hostedzone/${hostedZoneId}`;
  return document(
    {
      Sid: "ChangeRecords",
      Effect: "Allow",
      Action: [
        "route53:ChangeResourceRecordSets",
        "route53:ListResourceRecordSets",
        "route53:ListTagsForResource",
      ],
      Resource: [zone],
    },
    {
      Sid: "ZonesList",
      Effect: "Allow",
      Action: ["route53:ListHostedZones"],
      Resource: ["*"],
    },
  );
}

/** cert-manager: answers DNS-01 challenges, which are TXT records. */
export function dnsChallenges(hostedZoneId: string): PolicyDocument {
  const zone = `arn:aws:route53:::hostedzone/${hostedZoneId}`;
  return document(
    {
      Sid: "ChangeChallenges",
      Effect: "Allow",
      Action: ["route53:ChangeResourceRecordSets"],
      Resource: [zone],
      Condition: {
        "ForAllValues:StringEquals": { "route53:ChangeResourceRecordSetsRecordTypes": ["TXT"] },
      },
    },
    { Sid: "ReadRecords", Effect: "Allow", Action: ["route53:ListResourceRecordSets"], Resource: [zone] },
    {
      Sid: "FollowChanges",
      Effect: "Allow",
      Action: ["route53:GetChange"],
      Resource: ["arn:aws:route53:::change/*"],
    },
  );
}
