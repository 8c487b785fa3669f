import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { planSubnets } from "./cidrs.ts";
import type { InterfaceEndpointService } from "./endpoints.ts";

export interface NetworkArgs {
  /** Addresses of the VPC, /16 to /20. */
  readonly cidr: string;
  readonly region: string;
  /** Availability zones; two or three. */
  readonly zones: readonly string[];
  /** One NAT gateway for all zones (cheap; a zone's outage can cut the others off), or one a zone. */
  readonly natGateways: "single" | "perZone";
  /** AWS services that get an endpoint in every zone. */
  readonly interfaceEndpoints: readonly InterfaceEndpointService[];
}

type SubnetKind = "public" | "private" | "database";

/** Tags by which load balancers find the subnets they belong into. */
const roleTags: Readonly<Record<SubnetKind, Readonly<Record<string, string>>>> = {
  public: { "kubernetes.io/role/elb": "1" },
  private: { "kubernetes.io/role/internal-elb": "1" },
  database: {},
};

/**
 * A VPC over several zones: public subnets for NAT gateways and load balancers, private ones for nodes
 * and pods, and some without any way out for the database. S3 is reached by a gateway endpoint, which
 * costs nothing.
 *
 * @throws CidrError when the VPC cannot be cut into the subnets.
 */
export class Network extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>;
  /** Subnets of each kind, one a zone, in the order of the zones. */
  readonly subnetIds: Readonly<Record<SubnetKind, readonly pulumi.Output<string>[]>>;

  constructor(name: string, args: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("mlops:aws:Network", name, {}, opts);
    const build = new Builder(name, args, this);
    const vpc = build.vpc();
    const gateway = build.internetGateway(vpc);
    const subnets = build.subnets(vpc);
    build.publicRoutes(vpc, gateway, subnets.public);
    const nat = build.natGateways(gateway, subnets.public);
    const privateTables = build.privateRoutes(vpc, nat, subnets.private);
    build.endpoints(vpc, subnets.private, privateTables);
    this.vpcId = vpc.id;
    this.subnetIds = {
      public: subnets.public.map((subnet) => subnet.id),
      private: subnets.private.map((subnet) => subnet.id),
      database: subnets.database.map((subnet) => subnet.id),
    };
    this.registerOutputs({ vpcId: this.vpcId });
  }
}

/** The children of a Network, each made by a method of its own. */
class Builder {
  private readonly name: string;
  private readonly args: NetworkArgs;
  private readonly parent: Network;

  constructor(name: string, args: NetworkArgs, parent: Network) {
    this.name = name;
    this.args = args;
    this.parent = parent;
  }

  private options(...dependsOn: pulumi.Resource[]): pulumi.CustomResourceOptions {
    return { parent: this.parent, dependsOn };
  }

  private tags(suffix: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
    return { Name: `${this.name}-${suffix}`, ...more };
  }

  /** Letter of a zone, to tell its resources apart. */
  private letter(zone: string): string {
    return zone.slice(-1);
  }

  vpc(): aws.ec2.Vpc {
    const vpc = new aws.ec2.Vpc(
      `${this.name}-vpc`,
      {
        cidrBlock: this.args.cidr,
        enableDnsHostnames: true,
        enableDnsSupport: true,
        tags: this.tags("vpc"),
      },
      this.options(),
    );
    // Whatever is made without naming a security group gets the default one, so it lets nothing through.
    new aws.ec2.DefaultSecurityGroup(
      `${this.name}-default-security-group`,
      { vpcId: vpc.id, ingress: [], egress: [], tags: this.tags("unused") },
      this.options(),
    );
    return vpc;
  }

  internetGateway(vpc: aws.ec2.Vpc): aws.ec2.InternetGateway {
    return new aws.ec2.InternetGateway(
      `${this.name}-internet-gateway`,
      { vpcId: vpc.id, tags: this.tags("internet-gateway") },
      this.options(),
    );
  }

  subnets(vpc: aws.ec2.Vpc): Record<SubnetKind, aws.ec2.Subnet[]> {
    const { cidr, zones } = this.args;
    const plan = planSubnets(cidr, zones.length);
    const make = (kind: SubnetKind): aws.ec2.Subnet[] =>
      zones.map((zone, index) => {
        const suffix = `${kind}-${this.letter(zone)}`;
        return new aws.ec2.Subnet(
          `${this.name}-${suffix}`,
          {
            vpcId: vpc.id,
            availabilityZone: zone,
            // The plan has a block for every zone.
            cidrBlock: plan[kind][index] ?? "",
            // What needs a public address (NAT, load balancers) asks for one; nothing gets one unasked.
            mapPublicIpOnLaunch: false,
            tags: this.tags(suffix, roleTags[kind]),
          },
          this.options(),
        );
      });
    return { public: make("public"), private: make("private"), database: make("database") };
  }

  publicRoutes(vpc: aws.ec2.Vpc, gateway: aws.ec2.InternetGateway, subnets: readonly aws.ec2.Subnet[]): void {
    const table = this.routeTable(vpc, "public", subnets);
    new aws.ec2.Route(
      `${this.name}-public-internet`,
      { routeTableId: table.id, destinationCidrBlock: "0.0.0.0/0", gatewayId: gateway.id },
      this.options(),
    );
  }

  natGateways(gateway: aws.ec2.InternetGateway, subnets: readonly aws.ec2.Subnet[]): aws.ec2.NatGateway[] {
    const { zones, natGateways } = this.args;
    const count = natGateways === "single" ? 1 : zones.length;
    return zones.slice(0, count).flatMap((zone, index) => {
      const subnet = subnets[index];
      if (subnet === undefined) return [];
      const suffix = `nat-${this.letter(zone)}`;
      const address = new aws.ec2.Eip(
        `${this.name}-${suffix}-address`,
        { domain: "vpc", tags: this.tags(suffix) },
        // An internet gateway cannot be detached while addresses of its VPC are in use.
        this.options(gateway),
      );
      return [
        new aws.ec2.NatGateway(
          `${this.name}-${suffix}`,
          { allocationId: address.id, subnetId: subnet.id, tags: this.tags(suffix) },
          this.options(gateway),
        ),
      ];
    });
  }

  privateRoutes(
    vpc: aws.ec2.Vpc,
    nat: readonly aws.ec2.NatGateway[],
    subnets: readonly aws.ec2.Subnet[],
  ): aws.ec2.RouteTable[] {
    return this.args.zones.flatMap((zone, index) => {
      const suffix = `private-${this.letter(zone)}`;
      const gateway = nat[index] ?? nat[0];
      const subnet = subnets[index];
      if (gateway === undefined || subnet === undefined) return [];
      const table = this.routeTable(vpc, suffix, [subnet]);
      new aws.ec2.Route(
        `${this.name}-${suffix}-nat`,
        { routeTableId: table.id, destinationCidrBlock: "0.0.0.0/0", natGatewayId: gateway.id },
        this.options(),
      );
      return [table];
    });
  }

  private routeTable(
    vpc: aws.ec2.Vpc,
    suffix: string,
    subnets: readonly aws.ec2.Subnet[],
  ): aws.ec2.RouteTable {
    const table = new aws.ec2.RouteTable(
      `${this.name}-${suffix}-routes`,
      { vpcId: vpc.id, tags: this.tags(suffix) },
      this.options(),
    );
    for (const [index, subnet] of subnets.entries()) {
      new aws.ec2.RouteTableAssociation(
        `${this.name}-${suffix}-association${subnets.length > 1 ? `-${index}` : ""}`,
        { routeTableId: table.id, subnetId: subnet.id },
        this.options(),
      );
    }
    return table;
  }

  endpoints(
    vpc: aws.ec2.Vpc,
    subnets: readonly aws.ec2.Subnet[],
    tables: readonly aws.ec2.RouteTable[],
  ): void {
    const { region, interfaceEndpoints, cidr } = this.args;
    new aws.ec2.VpcEndpoint(
      `${this.name}-s3`,
      {
        vpcId: vpc.id,
        serviceName: `com.amazonaws.${region}.s3`,
        vpcEndpointType: "Gateway",
        routeTableIds: tables.map((table) => table.id),
        tags: this.tags("s3"),
      },
      this.options(),
    );
    if (interfaceEndpoints.length === 0) return;
    const securityGroup = new aws.ec2.SecurityGroup(
      `${this.name}-endpoints`,
      {
        vpcId: vpc.id,
        description: "AWS service endpoints: HTTPS from inside the VPC",
        ingress: [{ protocol: "tcp", fromPort: 443, toPort: 443, cidrBlocks: [cidr] }],
        egress: [],
        tags: this.tags("endpoints"),
      },
      this.options(),
    );
    for (const service of interfaceEndpoints) {
      new aws.ec2.VpcEndpoint(
        `${this.name}-${service.replace(".", "-")}`,
        {
          vpcId: vpc.id,
          serviceName: `com.amazonaws.${region}.${service}`,
          vpcEndpointType: "Interface",
          privateDnsEnabled: true,
          subnetIds: subnets.map((subnet) => subnet.id),
          securityGroupIds: [securityGroup.id],
          tags: this.tags(service),
        },
        this.options(),
      );
    }
  }
}
