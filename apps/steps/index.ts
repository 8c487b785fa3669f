export { main } from "./run.ts";
export { steps } from "./table.ts";
