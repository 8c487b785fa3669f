import { serve } from "../lib/serve.ts";
import { standIns } from "../standIns.ts";
import { commandProvider } from "./provider.ts";

await serve(standIns.command, commandProvider);
