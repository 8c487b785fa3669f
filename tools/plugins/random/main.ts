import { serve } from "../lib/serve.ts";
import { standIns } from "../standIns.ts";
import { randomProvider } from "./provider.ts";

await serve(standIns.random, () => randomProvider);
