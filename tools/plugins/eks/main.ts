import { rehearsal } from "../aws/rehearsal.ts";
import { serve } from "../lib/serve.ts";
import { rehearsalPlugins } from "../standIns.ts";
import { eksProvider } from "./provider.ts";

const { place, kubeconfig } = rehearsal();
await serve(rehearsalPlugins.eks, () => eksProvider(place, kubeconfig));
