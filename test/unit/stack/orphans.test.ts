import { expect, it } from "vitest";
import { orphanedPlugins } from "../../../tools/stack/orphans.ts";

it("takes plugins for orphans whose parent is no pulumi, and nothing else", () => {
  const listing = `
    1     0 /sbin/init
  100     1 /opt/bin/pulumi up --yes
  101   100 /opt/bin/pulumi-language-nodejs 127.0.0.1:4000
  102   100 /home/a/.pulumi/plugins/resource-kubernetes-v4.27.0/pulumi-resource-kubernetes 127.0.0.1:4000
  201     1 /opt/bin/pulumi-language-nodejs 127.0.0.1:5000
  202  1500 /home/a/.pulumi/plugins/resource-kubernetes-v4.27.0/pulumi-resource-kubernetes 127.0.0.1:5000
  203     1 /usr/bin/node /home/a/platform/tools/plugins/random/main.ts 127.0.0.1:5000
  206     1 /usr/bin/node /home/a/platform/node_modules/@pulumi/pulumi/cmd/run-plugin/index.js /home/a/platform/policy 127.0.0.1:5000
  204     1 /usr/bin/node /home/a/platform/tools/embedded/cli.ts start
  205     1 vi notes/pulumi-language-nodejs.txt
 1500     1 /lib/systemd/systemd --user
`;
  expect(orphanedPlugins(listing)).toEqual([201, 202, 203, 206]);
});
