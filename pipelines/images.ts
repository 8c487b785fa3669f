/** The images that steps run in, and how a step is started in each: one table. */
export interface StepImage {
  /** Command of a step by its name. */
  readonly command: (step: string) => readonly string[];
}

const words = (text: string): string[] => text.split(" ");

export const stepImages = {
  /** Trains and evaluates models: Python modules of training/. */
  training: { command: (step) => ["python", "-m", ...words(`mlops_training.${step}`)] },
  /** Everything between a trained model and a serving one: apps/steps. */
  deployment: { command: (step) => ["node", "/app/apps/steps/main.ts", ...words(step)] },
  /** vLLM's own benchmark, which no other image has the libraries for. */
  benchmark: {
    command: (step) => ["python", `/app/apps/steps/benchmark/${step.replaceAll("-", "_")}.py`],
  },
} as const satisfies Record<string, StepImage>;

export type ImageName = keyof typeof stepImages;
export const imageNames = Object.keys(stepImages) as ImageName[];

/** Tag of each image where nothing is configured: what this version of the project calls its images. */
export const developmentTags: Readonly<Record<ImageName | "serving", string>> = {
  training: "0.1.0",
  deployment: "0.1.0",
  benchmark: "0.1.0",
  serving: "0.1.0",
};
