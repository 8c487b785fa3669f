import { describe, expect, it } from "vitest";
import type { ConfigurationName } from "../configurations.ts";
import type { Run } from "../harness.ts";

export function describeNetwork(runs: Readonly<Record<ConfigurationName, Run>>): void {
  const names = Object.keys(runs) as ConfigurationName[];

  describe("network", () => {
    it("has the VPC of the configuration, with DNS names for private endpoints", () => {
      expect(runs.default.one("aws:ec2/vpc:Vpc", "network-vpc").inputs).toEqual({
        cidrBlock: "10.42.0.0/16",
        enableDnsHostnames: true,
        enableDnsSupport: true,
        tags: { Name: "network-vpc" },
      });
      expect(runs.smallest.one("aws:ec2/vpc:Vpc", "network-vpc").inputs.cidrBlock).toBe("10.0.0.0/20");
    });

    it("has one subnet of each kind a zone, none of which gives out public addresses", () => {
      const subnets = (name: ConfigurationName) =>
        runs[name].all("aws:ec2/subnet:Subnet").map(({ name: subnet, inputs }) => [subnet, inputs.cidrBlock]);
      expect(Object.fromEntries(subnets("smallest"))).toEqual({
        "network-private-a": "10.0.0.0/22",
        "network-private-b": "10.0.4.0/22",
        "network-public-a": "10.0.12.0/26",
        "network-public-b": "10.0.12.64/26",
        "network-database-a": "10.0.14.0/28",
        "network-database-b": "10.0.14.16/28",
      });
      expect(subnets("default")).toHaveLength(9);
      for (const name of names) {
        for (const { inputs } of runs[name].all("aws:ec2/subnet:Subnet")) {
          expect(inputs.mapPublicIpOnLaunch).toBe(false);
        }
      }
    });

    it("tells load balancers their subnets, and keeps them out of the database's", () => {
      const tags = (subnet: string) => runs.default.one("aws:ec2/subnet:Subnet", subnet).inputs.tags;
      expect(tags("network-public-a")).toEqual({
        Name: "network-public-a",
        "kubernetes.io/role/elb": "1",
      });
      expect(tags("network-private-a")).toEqual({
        Name: "network-private-a",
        "kubernetes.io/role/internal-elb": "1",
      });
      expect(tags("network-database-a")).toEqual({ Name: "network-database-a" });
    });

    it.each([
      ["smallest", 1],
      ["default", 1],
      ["production", 3],
      ["spotOnly", 1],
      ["noGpu", 1],
    ] as const)("%s pays for %d NAT gateway(s)", (name, count) => {
      expect(runs[name].all("aws:ec2/natGateway:NatGateway")).toHaveLength(count);
      expect(runs[name].all("aws:ec2/eip:Eip")).toHaveLength(count);
    });

    it("sends private subnets out through NAT, of their own zone where there is one", () => {
      const gateways = (name: ConfigurationName) =>
        runs[name]
          .all("aws:ec2/route:Route")
          .filter((route) => route.name.includes("private"))
          .map(({ inputs }) => inputs.natGatewayId);
      expect(gateways("default")).toEqual(Array(3).fill("network-nat-a-id"));
      expect(gateways("production")).toEqual(["network-nat-a-id", "network-nat-b-id", "network-nat-c-id"]);
    });

    it("gives the database no way out", () => {
      for (const name of names) {
        const associated = runs[name]
          .all("aws:ec2/routeTableAssociation:RouteTableAssociation")
          .map(({ inputs }) => String(inputs.subnetId));
        expect(associated.length).toBeGreaterThan(0);
        expect(associated.filter((subnet) => subnet.includes("database"))).toEqual([]);
      }
    });

    it("only the public route leads to the internet gateway", () => {
      for (const name of names) {
        const routes = runs[name].all("aws:ec2/route:Route");
        const open = routes.filter(({ inputs }) => inputs.gatewayId !== undefined);
        expect(open.map((route) => route.name)).toEqual(["network-public-internet"]);
      }
    });

    it("reaches S3 without NAT in every configuration", () => {
      for (const name of names) {
        const { inputs } = runs[name].one("aws:ec2/vpcEndpoint:VpcEndpoint", "network-s3");
        expect(inputs).toMatchObject({ vpcEndpointType: "Gateway" });
        expect(inputs.routeTableIds).toEqual(
          runs[name]
            .all("aws:ec2/routeTable:RouteTable")
            .filter((table) => table.name.includes("private"))
            .map((table) => `${table.name}-id`),
        );
      }
    });

    it("has interface endpoints where they are asked for, for the VPC only", () => {
      expect(runs.default.all("aws:ec2/vpcEndpoint:VpcEndpoint")).toHaveLength(1);
      const endpoint = runs.production.one("aws:ec2/vpcEndpoint:VpcEndpoint", "network-ecr-api");
      expect(endpoint.inputs).toMatchObject({
        serviceName: "com.amazonaws.us-east-1.ecr.api",
        vpcEndpointType: "Interface",
        privateDnsEnabled: true,
        subnetIds: ["network-private-a-id", "network-private-b-id", "network-private-c-id"],
        securityGroupIds: ["network-endpoints-id"],
      });
      expect(
        runs.production.one("aws:ec2/securityGroup:SecurityGroup", "network-endpoints").inputs,
      ).toMatchObject({
        ingress: [{ protocol: "tcp", fromPort: 443, toPort: 443, cidrBlocks: ["10.42.0.0/16"] }],
        egress: [],
      });
    });

    it("closes the default security group", () => {
      for (const name of names) {
        const group = runs[name].one(
          "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
          "network-default-security-group",
        );
        expect(group.inputs).toMatchObject({ ingress: [], egress: [] });
      }
    });
  });
}
