/** Names that MLflow's database, its user's Secret and MLflow agree on. */

/** Name of MLflow's database and of the user that MLflow connects as. */
export const mlflowDatabaseName = "mlflow";

/**
 * Secret with MLflow's credentials. Each generation has a name of its own: a new password is a new
 * Secret, so that pods which use it are replaced by the ordinary rollout, and none reads half of each.
 */
export function userSecretName(passwordGeneration: number): string {
  return `mlflow-database-${passwordGeneration}`;
}
