import { serve } from "../lib/serve.ts";
import { rehearsalPlugins } from "../standIns.ts";
import { recordingProvider } from "./provider.ts";
import { rehearsal } from "./rehearsal.ts";

await serve(rehearsalPlugins.aws, () => recordingProvider(rehearsal()));
