/** Images that this project builds itself; each has a Dockerfile in images/ and a repository in ECR. */
export const imageNames = ["training", "deployment", "benchmark", "serving"] as const;
