/**
 * The whole AWS side, in five configurations, against Pulumi's mocks. One file, because loading
 * @pulumi/aws and building the stacks takes longer than all of the comparisons.
 */
import { type ConfigurationName, configurations } from "./configurations.ts";
import { type Run, run } from "./harness.ts";
import { describeCluster } from "./stack/cluster.ts";
import { describeDatabase } from "./stack/database.ts";
import { describeIdentity } from "./stack/identity.ts";
import { describeNetwork } from "./stack/network.ts";
import { describeNodes } from "./stack/nodes.ts";
import { describeOrder } from "./stack/order.ts";
import { describePlatform } from "./stack/platform.ts";
import { describeStorage } from "./stack/storage.ts";
import { describeTags } from "./stack/tags.ts";

const runs = {} as Record<ConfigurationName, Run>;
for (const name of Object.keys(configurations) as ConfigurationName[]) runs[name] = await run(name);

describeNetwork(runs);
describeCluster(runs);
describeNodes(runs);
describeIdentity(runs);
describeStorage(runs);
describeDatabase(runs);
describeTags(runs);
describePlatform(runs);
describeOrder(runs);
