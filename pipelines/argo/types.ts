/* Made by tools/pipelines/argoTypes.ts from Argo Workflows' JSON schema (Apache License 2.0): do not edit. */

export type ArgoObject = WorkflowTemplate | CronWorkflow | Workflow;
export type Time = string;
export type Amount = number;
export type IntOrString = string;
export type Quantity = string;
export type Item = unknown;
export type ParallelSteps = WorkflowStep[];

export interface WorkflowTemplate {
  apiVersion?: "argoproj.io/v1alpha1";
  kind?: "WorkflowTemplate";
  metadata: ObjectMeta;
  spec: WorkflowSpec;
}
export interface ObjectMeta {
  annotations?: {
    [k: string]: string;
  };
  creationTimestamp?: Time;
  deletionGracePeriodSeconds?: number;
  deletionTimestamp?: Time;
  finalizers?: string[];
  generateName?: string;
  generation?: number;
  labels?: {
    [k: string]: string;
  };
  managedFields?: ManagedFieldsEntry[];
  name?: string;
  namespace?: string;
  ownerReferences?: OwnerReference[];
  resourceVersion?: string;
  selfLink?: string;
  uid?: string;
}
export interface ManagedFieldsEntry {
  apiVersion?: string;
  fieldsType?: string;
  fieldsV1?: FieldsV1;
  manager?: string;
  operation?: string;
  subresource?: string;
  time?: Time;
}
export type FieldsV1 = Record<string, never>;
export interface OwnerReference {
  apiVersion: string;
  blockOwnerDeletion?: boolean;
  controller?: boolean;
  kind: string;
  name: string;
  uid: string;
}
export interface WorkflowSpec {
  activeDeadlineSeconds?: number;
  affinity?: Affinity;
  archiveLogs?: boolean;
  arguments?: Arguments;
  artifactGC?: WorkflowLevelArtifactGC;
  artifactRepositoryRef?: ArtifactRepositoryRef;
  automountServiceAccountToken?: boolean;
  dnsConfig?: PodDNSConfig;
  dnsPolicy?: string;
  entrypoint?: string;
  executor?: ExecutorConfig;
  hooks?: {
    [k: string]: LifecycleHook;
  };
  hostAliases?: HostAlias[];
  hostNetwork?: boolean;
  imagePullSecrets?: LocalObjectReference[];
  metrics?: Metrics;
  nodeSelector?: {
    [k: string]: string;
  };
  onExit?: string;
  parallelism?: number;
  podDisruptionBudget?: PodDisruptionBudgetSpec;
  podGC?: PodGC;
  podMetadata?: Metadata;
  podPriorityClassName?: string;
  podSpecPatch?: string;
  priority?: number;
  retryStrategy?: RetryStrategy;
  schedulerName?: string;
  securityContext?: PodSecurityContext;
  serviceAccountName?: string;
  shutdown?: string;
  suspend?: boolean;
  synchronization?: Synchronization;
  templateDefaults?: Template;
  templates?: Template[];
  tolerations?: Toleration[];
  ttlStrategy?: TTLStrategy;
  volumeClaimGC?: VolumeClaimGC;
  volumeClaimTemplates?: PersistentVolumeClaim[];
  volumes?: Volume[];
  workflowMetadata?: WorkflowMetadata;
  workflowTemplateRef?: WorkflowTemplateRef;
}
export interface Affinity {
  nodeAffinity?: NodeAffinity;
  podAffinity?: PodAffinity;
  podAntiAffinity?: PodAntiAffinity;
}
export interface NodeAffinity {
  preferredDuringSchedulingIgnoredDuringExecution?: PreferredSchedulingTerm[];
  requiredDuringSchedulingIgnoredDuringExecution?: NodeSelector;
}
export interface PreferredSchedulingTerm {
  preference: NodeSelectorTerm;
  weight: number;
}
export interface NodeSelectorTerm {
  matchExpressions?: NodeSelectorRequirement[];
  matchFields?: NodeSelectorRequirement[];
}
export interface NodeSelectorRequirement {
  key: string;
  operator: string;
  values?: string[];
}
export interface NodeSelector {
  nodeSelectorTerms: NodeSelectorTerm[];
}
export interface PodAffinity {
  preferredDuringSchedulingIgnoredDuringExecution?: WeightedPodAffinityTerm[];
  requiredDuringSchedulingIgnoredDuringExecution?: PodAffinityTerm[];
}
export interface WeightedPodAffinityTerm {
  podAffinityTerm: PodAffinityTerm;
  weight: number;
}
export interface PodAffinityTerm {
  labelSelector?: LabelSelector;
  matchLabelKeys?: string[];
  mismatchLabelKeys?: string[];
  namespaceSelector?: LabelSelector;
  namespaces?: string[];
  topologyKey: string;
}
export interface LabelSelector {
  matchExpressions?: LabelSelectorRequirement[];
  matchLabels?: {
    [k: string]: string;
  };
}
export interface LabelSelectorRequirement {
  key: string;
  operator: string;
  values?: string[];
}
export interface PodAntiAffinity {
  preferredDuringSchedulingIgnoredDuringExecution?: WeightedPodAffinityTerm[];
  requiredDuringSchedulingIgnoredDuringExecution?: PodAffinityTerm[];
}
export interface Arguments {
  artifacts?: Artifact[];
  parameters?: Parameter[];
}
export interface Artifact {
  archive?: ArchiveStrategy;
  archiveLogs?: boolean;
  artifactGC?: ArtifactGC;
  artifactory?: ArtifactoryArtifact;
  azure?: AzureArtifact;
  deleted?: boolean;
  from?: string;
  fromExpression?: string;
  gcs?: GCSArtifact;
  git?: GitArtifact;
  globalName?: string;
  hdfs?: HDFSArtifact;
  http?: HTTPArtifact;
  mode?: number;
  name: string;
  optional?: boolean;
  oss?: OSSArtifact;
  path?: string;
  raw?: RawArtifact;
  recurseMode?: boolean;
  s3?: S3Artifact;
  subPath?: string;
}
export interface ArchiveStrategy {
  none?: NoneStrategy;
  tar?: TarStrategy;
  zip?: ZipStrategy;
}
export type NoneStrategy = Record<string, never>;
export interface TarStrategy {
  compressionLevel?: number;
}
export type ZipStrategy = Record<string, never>;
export interface ArtifactGC {
  podMetadata?: Metadata;
  serviceAccountName?: string;
  strategy?: string;
}
export interface Metadata {
  annotations?: {
    [k: string]: string;
  };
  labels?: {
    [k: string]: string;
  };
}
export interface ArtifactoryArtifact {
  passwordSecret?: SecretKeySelector;
  url: string;
  usernameSecret?: SecretKeySelector;
}
export interface SecretKeySelector {
  key: string;
  name?: string;
  optional?: boolean;
}
export interface AzureArtifact {
  accountKeySecret?: SecretKeySelector;
  blob: string;
  container: string;
  endpoint: string;
  useSDKCreds?: boolean;
}
export interface GCSArtifact {
  bucket?: string;
  key: string;
  serviceAccountKeySecret?: SecretKeySelector;
}
export interface GitArtifact {
  branch?: string;
  depth?: number;
  disableSubmodules?: boolean;
  fetch?: string[];
  insecureIgnoreHostKey?: boolean;
  insecureSkipTLS?: boolean;
  passwordSecret?: SecretKeySelector;
  repo: string;
  revision?: string;
  singleBranch?: boolean;
  sshPrivateKeySecret?: SecretKeySelector;
  usernameSecret?: SecretKeySelector;
}
export interface HDFSArtifact {
  addresses?: string[];
  dataTransferProtection?: string;
  force?: boolean;
  hdfsUser?: string;
  krbCCacheSecret?: SecretKeySelector;
  krbConfigConfigMap?: ConfigMapKeySelector;
  krbKeytabSecret?: SecretKeySelector;
  krbRealm?: string;
  krbServicePrincipalName?: string;
  krbUsername?: string;
  path: string;
}
export interface ConfigMapKeySelector {
  key: string;
  name?: string;
  optional?: boolean;
}
export interface HTTPArtifact {
  auth?: HTTPAuth;
  headers?: Header[];
  url: string;
}
export interface HTTPAuth {
  basicAuth?: BasicAuth;
  clientCert?: ClientCertAuth;
  oauth2?: OAuth2Auth;
}
export interface BasicAuth {
  passwordSecret?: SecretKeySelector;
  usernameSecret?: SecretKeySelector;
}
export interface ClientCertAuth {
  clientCertSecret?: SecretKeySelector;
  clientKeySecret?: SecretKeySelector;
}
export interface OAuth2Auth {
  clientIDSecret?: SecretKeySelector;
  clientSecretSecret?: SecretKeySelector;
  endpointParams?: OAuth2EndpointParam[];
  scopes?: string[];
  tokenURLSecret?: SecretKeySelector;
}
export interface OAuth2EndpointParam {
  key: string;
  value?: string;
}
export interface Header {
  name: string;
  value: string;
}
export interface OSSArtifact {
  accessKeySecret?: SecretKeySelector;
  bucket?: string;
  createBucketIfNotPresent?: boolean;
  endpoint?: string;
  key: string;
  lifecycleRule?: OSSLifecycleRule;
  secretKeySecret?: SecretKeySelector;
  securityToken?: string;
  useSDKCreds?: boolean;
}
export interface OSSLifecycleRule {
  markDeletionAfterDays?: number;
  markInfrequentAccessAfterDays?: number;
}
export interface RawArtifact {
  data: string;
}
export interface S3Artifact {
  accessKeySecret?: SecretKeySelector;
  bucket?: string;
  caSecret?: SecretKeySelector;
  createBucketIfNotPresent?: CreateS3BucketOptions;
  encryptionOptions?: S3EncryptionOptions;
  endpoint?: string;
  insecure?: boolean;
  key?: string;
  region?: string;
  roleARN?: string;
  secretKeySecret?: SecretKeySelector;
  sessionTokenSecret?: SecretKeySelector;
  useSDKCreds?: boolean;
}
export interface CreateS3BucketOptions {
  objectLocking?: boolean;
}
export interface S3EncryptionOptions {
  enableEncryption?: boolean;
  kmsEncryptionContext?: string;
  kmsKeyId?: string;
  serverSideCustomerKeySecret?: SecretKeySelector;
}
export interface Parameter {
  default?: string;
  description?: string;
  enum?: string[];
  globalName?: string;
  name: string;
  value?: string;
  valueFrom?: ValueFrom;
}
export interface ValueFrom {
  configMapKeyRef?: ConfigMapKeySelector;
  default?: string;
  event?: string;
  expression?: string;
  jqFilter?: string;
  jsonPath?: string;
  parameter?: string;
  path?: string;
  supplied?: SuppliedValueFrom;
}
export type SuppliedValueFrom = Record<string, never>;
export interface WorkflowLevelArtifactGC {
  forceFinalizerRemoval?: boolean;
  podMetadata?: Metadata;
  podSpecPatch?: string;
  serviceAccountName?: string;
  strategy?: string;
}
export interface ArtifactRepositoryRef {
  configMap?: string;
  key?: string;
}
export interface PodDNSConfig {
  nameservers?: string[];
  options?: PodDNSConfigOption[];
  searches?: string[];
}
export interface PodDNSConfigOption {
  name?: string;
  value?: string;
}
export interface ExecutorConfig {
  serviceAccountName?: string;
}
export interface LifecycleHook {
  arguments?: Arguments;
  expression?: string;
  template?: string;
  templateRef?: TemplateRef;
}
export interface TemplateRef {
  clusterScope?: boolean;
  name?: string;
  template?: string;
}
export interface HostAlias {
  hostnames?: string[];
  ip: string;
}
export interface LocalObjectReference {
  name?: string;
}
export interface Metrics {
  prometheus: Prometheus[];
}
export interface Prometheus {
  counter?: Counter;
  gauge?: Gauge;
  help: string;
  histogram?: Histogram;
  labels?: MetricLabel[];
  name: string;
  when?: string;
}
export interface Counter {
  value: string;
}
export interface Gauge {
  operation?: string;
  realtime: boolean;
  value: string;
}
export interface Histogram {
  buckets: Amount[];
  value: string;
}
export interface MetricLabel {
  key: string;
  value: string;
}
export interface PodDisruptionBudgetSpec {
  maxUnavailable?: IntOrString;
  minAvailable?: IntOrString;
  selector?: LabelSelector;
  unhealthyPodEvictionPolicy?: string;
}
export interface PodGC {
  deleteDelayDuration?: string;
  labelSelector?: LabelSelector;
  strategy?: string;
}
export interface RetryStrategy {
  affinity?: RetryAffinity;
  backoff?: Backoff;
  expression?: string;
  limit?: IntOrString;
  retryPolicy?: string;
}
export interface RetryAffinity {
  nodeAntiAffinity?: RetryNodeAntiAffinity;
}
export type RetryNodeAntiAffinity = Record<string, never>;
export interface Backoff {
  cap?: string;
  duration?: string;
  factor?: IntOrString;
  maxDuration?: string;
}
export interface PodSecurityContext {
  appArmorProfile?: AppArmorProfile;
  fsGroup?: number;
  fsGroupChangePolicy?: string;
  runAsGroup?: number;
  runAsNonRoot?: boolean;
  runAsUser?: number;
  seLinuxChangePolicy?: string;
  seLinuxOptions?: SELinuxOptions;
  seccompProfile?: SeccompProfile;
  supplementalGroups?: number[];
  supplementalGroupsPolicy?: string;
  sysctls?: Sysctl[];
  windowsOptions?: WindowsSecurityContextOptions;
}
export interface AppArmorProfile {
  localhostProfile?: string;
  type: string;
}
export interface SELinuxOptions {
  level?: string;
  role?: string;
  type?: string;
  user?: string;
}
export interface SeccompProfile {
  localhostProfile?: string;
  type: string;
}
export interface Sysctl {
  name: string;
  value: string;
}
export interface WindowsSecurityContextOptions {
  gmsaCredentialSpec?: string;
  gmsaCredentialSpecName?: string;
  hostProcess?: boolean;
  runAsUserName?: string;
}
export interface Synchronization {
  mutexes?: Mutex[];
  semaphores?: SemaphoreRef[];
}
export interface Mutex {
  database?: boolean;
  name?: string;
  namespace?: string;
}
export interface SemaphoreRef {
  configMapKeyRef?: ConfigMapKeySelector;
  database?: SyncDatabaseRef;
  namespace?: string;
}
export interface SyncDatabaseRef {
  key: string;
}
export interface Template {
  activeDeadlineSeconds?: IntOrString;
  affinity?: Affinity;
  annotations?: {
    [k: string]: string;
  };
  archiveLocation?: ArtifactLocation;
  automountServiceAccountToken?: boolean;
  container?: Container;
  containerSet?: ContainerSetTemplate;
  daemon?: boolean;
  dag?: DAGTemplate;
  data?: Data;
  executor?: ExecutorConfig;
  failFast?: boolean;
  hostAliases?: HostAlias[];
  http?: HTTP;
  initContainers?: UserContainer[];
  inputs?: Inputs;
  metadata?: Metadata;
  metrics?: Metrics;
  name?: string;
  nodeSelector?: {
    [k: string]: string;
  };
  outputs?: Outputs;
  parallelism?: number;
  plugin?: Plugin;
  podSpecPatch?: string;
  priorityClassName?: string;
  resource?: ResourceTemplate;
  retryStrategy?: RetryStrategy;
  schedulerName?: string;
  script?: ScriptTemplate;
  securityContext?: PodSecurityContext;
  serviceAccountName?: string;
  sidecars?: UserContainer[];
  steps?: ParallelSteps[];
  suspend?: SuspendTemplate;
  synchronization?: Synchronization;
  timeout?: string;
  tolerations?: Toleration[];
  volumes?: Volume[];
}
export interface ArtifactLocation {
  archiveLogs?: boolean;
  artifactory?: ArtifactoryArtifact;
  azure?: AzureArtifact;
  gcs?: GCSArtifact;
  git?: GitArtifact;
  hdfs?: HDFSArtifact;
  http?: HTTPArtifact;
  oss?: OSSArtifact;
  raw?: RawArtifact;
  s3?: S3Artifact;
}
export interface Container {
  args?: string[];
  command?: string[];
  env?: EnvVar[];
  envFrom?: EnvFromSource[];
  image: string;
  imagePullPolicy?: string;
  lifecycle?: Lifecycle;
  livenessProbe?: Probe;
  name?: string;
  ports?: ContainerPort[];
  readinessProbe?: Probe;
  resizePolicy?: ContainerResizePolicy[];
  resources?: ResourceRequirements;
  restartPolicy?: string;
  securityContext?: SecurityContext;
  startupProbe?: Probe;
  stdin?: boolean;
  stdinOnce?: boolean;
  terminationMessagePath?: string;
  terminationMessagePolicy?: string;
  tty?: boolean;
  volumeDevices?: VolumeDevice[];
  volumeMounts?: VolumeMount[];
  workingDir?: string;
}
export interface EnvVar {
  name: string;
  value?: string;
  valueFrom?: EnvVarSource;
}
export interface EnvVarSource {
  configMapKeyRef?: ConfigMapKeySelector;
  fieldRef?: ObjectFieldSelector;
  resourceFieldRef?: ResourceFieldSelector;
  secretKeyRef?: SecretKeySelector;
}
export interface ObjectFieldSelector {
  apiVersion?: string;
  fieldPath: string;
}
export interface ResourceFieldSelector {
  containerName?: string;
  divisor?: Quantity;
  resource: string;
}
export interface EnvFromSource {
  configMapRef?: ConfigMapEnvSource;
  prefix?: string;
  secretRef?: SecretEnvSource;
}
export interface ConfigMapEnvSource {
  name?: string;
  optional?: boolean;
}
export interface SecretEnvSource {
  name?: string;
  optional?: boolean;
}
export interface Lifecycle {
  postStart?: LifecycleHandler;
  preStop?: LifecycleHandler;
  stopSignal?: string;
}
export interface LifecycleHandler {
  exec?: ExecAction;
  httpGet?: HTTPGetAction;
  sleep?: SleepAction;
  tcpSocket?: TCPSocketAction;
}
export interface ExecAction {
  command?: string[];
}
export interface HTTPGetAction {
  host?: string;
  httpHeaders?: ProbeHTTPHeader[];
  path?: string;
  port: IntOrString;
  scheme?: string;
}
export interface ProbeHTTPHeader {
  name: string;
  value: string;
}
export interface SleepAction {
  seconds: number;
}
export interface TCPSocketAction {
  host?: string;
  port: IntOrString;
}
export interface Probe {
  exec?: ExecAction;
  failureThreshold?: number;
  grpc?: GRPCAction;
  httpGet?: HTTPGetAction;
  initialDelaySeconds?: number;
  periodSeconds?: number;
  successThreshold?: number;
  tcpSocket?: TCPSocketAction;
  terminationGracePeriodSeconds?: number;
  timeoutSeconds?: number;
}
export interface GRPCAction {
  port: number;
  service?: string;
}
export interface ContainerPort {
  containerPort: number;
  hostIP?: string;
  hostPort?: number;
  name?: string;
  protocol?: string;
}
export interface ContainerResizePolicy {
  resourceName: string;
  restartPolicy: string;
}
export interface ResourceRequirements {
  claims?: ResourceClaim[];
  limits?: {
    [k: string]: Quantity;
  };
  requests?: {
    [k: string]: Quantity;
  };
}
export interface ResourceClaim {
  name: string;
  request?: string;
}
export interface SecurityContext {
  allowPrivilegeEscalation?: boolean;
  appArmorProfile?: AppArmorProfile;
  capabilities?: Capabilities;
  privileged?: boolean;
  procMount?: string;
  readOnlyRootFilesystem?: boolean;
  runAsGroup?: number;
  runAsNonRoot?: boolean;
  runAsUser?: number;
  seLinuxOptions?: SELinuxOptions;
  seccompProfile?: SeccompProfile;
  windowsOptions?: WindowsSecurityContextOptions;
}
export interface Capabilities {
  add?: string[];
  drop?: string[];
}
export interface VolumeDevice {
  devicePath: string;
  name: string;
}
export interface VolumeMount {
  mountPath: string;
  mountPropagation?: string;
  name: string;
  readOnly?: boolean;
  recursiveReadOnly?: string;
  subPath?: string;
  subPathExpr?: string;
}
export interface ContainerSetTemplate {
  containers: ContainerNode[];
  retryStrategy?: ContainerSetRetryStrategy;
  volumeMounts?: VolumeMount[];
}
export interface ContainerNode {
  args?: string[];
  command?: string[];
  dependencies?: string[];
  env?: EnvVar[];
  envFrom?: EnvFromSource[];
  image?: string;
  imagePullPolicy?: string;
  lifecycle?: Lifecycle;
  livenessProbe?: Probe;
  name: string;
  ports?: ContainerPort[];
  readinessProbe?: Probe;
  resizePolicy?: ContainerResizePolicy[];
  resources?: ResourceRequirements;
  restartPolicy?: string;
  securityContext?: SecurityContext;
  startupProbe?: Probe;
  stdin?: boolean;
  stdinOnce?: boolean;
  terminationMessagePath?: string;
  terminationMessagePolicy?: string;
  tty?: boolean;
  volumeDevices?: VolumeDevice[];
  volumeMounts?: VolumeMount[];
  workingDir?: string;
}
export interface ContainerSetRetryStrategy {
  duration?: string;
  retries: IntOrString;
}
export interface DAGTemplate {
  failFast?: boolean;
  target?: string;
  tasks: DAGTask[];
}
export interface DAGTask {
  arguments?: Arguments;
  continueOn?: ContinueOn;
  dependencies?: string[];
  depends?: string;
  hooks?: {
    [k: string]: LifecycleHook;
  };
  inline?: Template;
  name: string;
  onExit?: string;
  template?: string;
  templateRef?: TemplateRef;
  when?: string;
  withItems?: Item[];
  withParam?: string;
  withSequence?: Sequence;
}
export interface ContinueOn {
  error?: boolean;
  failed?: boolean;
}
export interface Sequence {
  count?: IntOrString;
  end?: IntOrString;
  format?: string;
  start?: IntOrString;
}
export interface Data {
  source: DataSource;
  transformation: TransformationStep[];
}
export interface DataSource {
  artifactPaths?: ArtifactPaths;
}
export interface ArtifactPaths {
  archive?: ArchiveStrategy;
  archiveLogs?: boolean;
  artifactGC?: ArtifactGC;
  artifactory?: ArtifactoryArtifact;
  azure?: AzureArtifact;
  deleted?: boolean;
  from?: string;
  fromExpression?: string;
  gcs?: GCSArtifact;
  git?: GitArtifact;
  globalName?: string;
  hdfs?: HDFSArtifact;
  http?: HTTPArtifact;
  mode?: number;
  name: string;
  optional?: boolean;
  oss?: OSSArtifact;
  path?: string;
  raw?: RawArtifact;
  recurseMode?: boolean;
  s3?: S3Artifact;
  subPath?: string;
}
export interface TransformationStep {
  expression: string;
}
export interface HTTP {
  body?: string;
  bodyFrom?: HTTPBodySource;
  headers?: HTTPHeader[];
  insecureSkipVerify?: boolean;
  method?: string;
  successCondition?: string;
  timeoutSeconds?: number;
  url: string;
}
export interface HTTPBodySource {
  bytes?: string;
}
export interface HTTPHeader {
  name: string;
  value?: string;
  valueFrom?: HTTPHeaderSource;
}
export interface HTTPHeaderSource {
  secretKeyRef?: SecretKeySelector;
}
export interface UserContainer {
  args?: string[];
  command?: string[];
  env?: EnvVar[];
  envFrom?: EnvFromSource[];
  image?: string;
  imagePullPolicy?: string;
  lifecycle?: Lifecycle;
  livenessProbe?: Probe;
  mirrorVolumeMounts?: boolean;
  name: string;
  ports?: ContainerPort[];
  readinessProbe?: Probe;
  resizePolicy?: ContainerResizePolicy[];
  resources?: ResourceRequirements;
  restartPolicy?: string;
  securityContext?: SecurityContext;
  startupProbe?: Probe;
  stdin?: boolean;
  stdinOnce?: boolean;
  terminationMessagePath?: string;
  terminationMessagePolicy?: string;
  tty?: boolean;
  volumeDevices?: VolumeDevice[];
  volumeMounts?: VolumeMount[];
  workingDir?: string;
}
export interface Inputs {
  artifacts?: Artifact[];
  parameters?: Parameter[];
}
export interface Outputs {
  artifacts?: Artifact[];
  exitCode?: string;
  parameters?: Parameter[];
  result?: string;
}
export type Plugin = Record<string, never>;
export interface ResourceTemplate {
  action: string;
  failureCondition?: string;
  flags?: string[];
  manifest?: string;
  manifestFrom?: ManifestFrom;
  mergeStrategy?: string;
  setOwnerReference?: boolean;
  successCondition?: string;
}
export interface ManifestFrom {
  artifact: Artifact;
}
export interface ScriptTemplate {
  args?: string[];
  command?: string[];
  env?: EnvVar[];
  envFrom?: EnvFromSource[];
  image: string;
  imagePullPolicy?: string;
  lifecycle?: Lifecycle;
  livenessProbe?: Probe;
  name?: string;
  ports?: ContainerPort[];
  readinessProbe?: Probe;
  resizePolicy?: ContainerResizePolicy[];
  resources?: ResourceRequirements;
  restartPolicy?: string;
  securityContext?: SecurityContext;
  source: string;
  startupProbe?: Probe;
  stdin?: boolean;
  stdinOnce?: boolean;
  terminationMessagePath?: string;
  terminationMessagePolicy?: string;
  tty?: boolean;
  volumeDevices?: VolumeDevice[];
  volumeMounts?: VolumeMount[];
  workingDir?: string;
}
export interface WorkflowStep {
  arguments?: Arguments;
  continueOn?: ContinueOn;
  hooks?: {
    [k: string]: LifecycleHook;
  };
  inline?: Template;
  name?: string;
  onExit?: string;
  template?: string;
  templateRef?: TemplateRef;
  when?: string;
  withItems?: Item[];
  withParam?: string;
  withSequence?: Sequence;
}
export interface SuspendTemplate {
  duration?: string;
}
export interface Toleration {
  effect?: string;
  key?: string;
  operator?: string;
  tolerationSeconds?: number;
  value?: string;
}
export interface Volume {
  awsElasticBlockStore?: AWSElasticBlockStoreVolumeSource;
  azureDisk?: AzureDiskVolumeSource;
  azureFile?: AzureFileVolumeSource;
  cephfs?: CephFSVolumeSource;
  cinder?: CinderVolumeSource;
  configMap?: ConfigMapVolumeSource;
  csi?: CSIVolumeSource;
  downwardAPI?: DownwardAPIVolumeSource;
  emptyDir?: EmptyDirVolumeSource;
  ephemeral?: EphemeralVolumeSource;
  fc?: FCVolumeSource;
  flexVolume?: FlexVolumeSource;
  flocker?: FlockerVolumeSource;
  gcePersistentDisk?: GCEPersistentDiskVolumeSource;
  gitRepo?: GitRepoVolumeSource;
  glusterfs?: GlusterfsVolumeSource;
  hostPath?: HostPathVolumeSource;
  image?: ImageVolumeSource;
  iscsi?: ISCSIVolumeSource;
  name: string;
  nfs?: NFSVolumeSource;
  persistentVolumeClaim?: PersistentVolumeClaimVolumeSource;
  photonPersistentDisk?: PhotonPersistentDiskVolumeSource;
  portworxVolume?: PortworxVolumeSource;
  projected?: ProjectedVolumeSource;
  quobyte?: QuobyteVolumeSource;
  rbd?: RBDVolumeSource;
  scaleIO?: ScaleIOVolumeSource;
  secret?: SecretVolumeSource;
  storageos?: StorageOSVolumeSource;
  vsphereVolume?: VsphereVirtualDiskVolumeSource;
}
export interface AWSElasticBlockStoreVolumeSource {
  fsType?: string;
  partition?: number;
  readOnly?: boolean;
  volumeID: string;
}
export interface AzureDiskVolumeSource {
  cachingMode?: string;
  diskName: string;
  diskURI: string;
  fsType?: string;
  kind?: string;
  readOnly?: boolean;
}
export interface AzureFileVolumeSource {
  readOnly?: boolean;
  secretName: string;
  shareName: string;
}
export interface CephFSVolumeSource {
  monitors: string[];
  path?: string;
  readOnly?: boolean;
  secretFile?: string;
  secretRef?: LocalObjectReference;
  user?: string;
}
export interface CinderVolumeSource {
  fsType?: string;
  readOnly?: boolean;
  secretRef?: LocalObjectReference;
  volumeID: string;
}
export interface ConfigMapVolumeSource {
  defaultMode?: number;
  items?: KeyToPath[];
  name?: string;
  optional?: boolean;
}
export interface KeyToPath {
  key: string;
  mode?: number;
  path: string;
}
export interface CSIVolumeSource {
  driver: string;
  fsType?: string;
  nodePublishSecretRef?: LocalObjectReference;
  readOnly?: boolean;
  volumeAttributes?: {
    [k: string]: string;
  };
}
export interface DownwardAPIVolumeSource {
  defaultMode?: number;
  items?: DownwardAPIVolumeFile[];
}
export interface DownwardAPIVolumeFile {
  fieldRef?: ObjectFieldSelector;
  mode?: number;
  path: string;
  resourceFieldRef?: ResourceFieldSelector;
}
export interface EmptyDirVolumeSource {
  medium?: string;
  sizeLimit?: Quantity;
}
export interface EphemeralVolumeSource {
  volumeClaimTemplate?: PersistentVolumeClaimTemplate;
}
export interface PersistentVolumeClaimTemplate {
  metadata?: ObjectMeta;
  spec: PersistentVolumeClaimSpec;
}
export interface PersistentVolumeClaimSpec {
  accessModes?: string[];
  dataSource?: TypedLocalObjectReference;
  dataSourceRef?: TypedObjectReference;
  resources?: VolumeResourceRequirements;
  selector?: LabelSelector;
  storageClassName?: string;
  volumeAttributesClassName?: string;
  volumeMode?: string;
  volumeName?: string;
}
export interface TypedLocalObjectReference {
  apiGroup?: string;
  kind: string;
  name: string;
}
export interface TypedObjectReference {
  apiGroup?: string;
  kind: string;
  name: string;
  namespace?: string;
}
export interface VolumeResourceRequirements {
  limits?: {
    [k: string]: Quantity;
  };
  requests?: {
    [k: string]: Quantity;
  };
}
export interface FCVolumeSource {
  fsType?: string;
  lun?: number;
  readOnly?: boolean;
  targetWWNs?: string[];
  wwids?: string[];
}
export interface FlexVolumeSource {
  driver: string;
  fsType?: string;
  options?: {
    [k: string]: string;
  };
  readOnly?: boolean;
  secretRef?: LocalObjectReference;
}
export interface FlockerVolumeSource {
  datasetName?: string;
  datasetUUID?: string;
}
export interface GCEPersistentDiskVolumeSource {
  fsType?: string;
  partition?: number;
  pdName: string;
  readOnly?: boolean;
}
export interface GitRepoVolumeSource {
  directory?: string;
  repository: string;
  revision?: string;
}
export interface GlusterfsVolumeSource {
  endpoints: string;
  path: string;
  readOnly?: boolean;
}
export interface HostPathVolumeSource {
  path: string;
  type?: string;
}
export interface ImageVolumeSource {
  pullPolicy?: string;
  reference?: string;
}
export interface ISCSIVolumeSource {
  chapAuthDiscovery?: boolean;
  chapAuthSession?: boolean;
  fsType?: string;
  initiatorName?: string;
  iqn: string;
  iscsiInterface?: string;
  lun: number;
  portals?: string[];
  readOnly?: boolean;
  secretRef?: LocalObjectReference;
  targetPortal: string;
}
export interface NFSVolumeSource {
  path: string;
  readOnly?: boolean;
  server: string;
}
export interface PersistentVolumeClaimVolumeSource {
  claimName: string;
  readOnly?: boolean;
}
export interface PhotonPersistentDiskVolumeSource {
  fsType?: string;
  pdID: string;
}
export interface PortworxVolumeSource {
  fsType?: string;
  readOnly?: boolean;
  volumeID: string;
}
export interface ProjectedVolumeSource {
  defaultMode?: number;
  sources?: VolumeProjection[];
}
export interface VolumeProjection {
  clusterTrustBundle?: ClusterTrustBundleProjection;
  configMap?: ConfigMapProjection;
  downwardAPI?: DownwardAPIProjection;
  secret?: SecretProjection;
  serviceAccountToken?: ServiceAccountTokenProjection;
}
export interface ClusterTrustBundleProjection {
  labelSelector?: LabelSelector;
  name?: string;
  optional?: boolean;
  path: string;
  signerName?: string;
}
export interface ConfigMapProjection {
  items?: KeyToPath[];
  name?: string;
  optional?: boolean;
}
export interface DownwardAPIProjection {
  items?: DownwardAPIVolumeFile[];
}
export interface SecretProjection {
  items?: KeyToPath[];
  name?: string;
  optional?: boolean;
}
export interface ServiceAccountTokenProjection {
  audience?: string;
  expirationSeconds?: number;
  path: string;
}
export interface QuobyteVolumeSource {
  group?: string;
  readOnly?: boolean;
  registry: string;
  tenant?: string;
  user?: string;
  volume: string;
}
export interface RBDVolumeSource {
  fsType?: string;
  image: string;
  keyring?: string;
  monitors: string[];
  pool?: string;
  readOnly?: boolean;
  secretRef?: LocalObjectReference;
  user?: string;
}
export interface ScaleIOVolumeSource {
  fsType?: string;
  gateway: string;
  protectionDomain?: string;
  readOnly?: boolean;
  secretRef: LocalObjectReference;
  sslEnabled?: boolean;
  storageMode?: string;
  storagePool?: string;
  system: string;
  volumeName?: string;
}
export interface SecretVolumeSource {
  defaultMode?: number;
  items?: KeyToPath[];
  optional?: boolean;
  secretName?: string;
}
export interface StorageOSVolumeSource {
  fsType?: string;
  readOnly?: boolean;
  secretRef?: LocalObjectReference;
  volumeName?: string;
  volumeNamespace?: string;
}
export interface VsphereVirtualDiskVolumeSource {
  fsType?: string;
  storagePolicyID?: string;
  storagePolicyName?: string;
  volumePath: string;
}
export interface TTLStrategy {
  secondsAfterCompletion?: number;
  secondsAfterFailure?: number;
  secondsAfterSuccess?: number;
}
export interface VolumeClaimGC {
  strategy?: string;
}
export interface PersistentVolumeClaim {
  apiVersion?: string;
  kind?: string;
  metadata?: ObjectMeta;
  spec?: PersistentVolumeClaimSpec;
  status?: PersistentVolumeClaimStatus;
}
export interface PersistentVolumeClaimStatus {
  accessModes?: string[];
  allocatedResourceStatuses?: {
    [k: string]: string;
  };
  allocatedResources?: {
    [k: string]: Quantity;
  };
  capacity?: {
    [k: string]: Quantity;
  };
  conditions?: PersistentVolumeClaimCondition[];
  currentVolumeAttributesClassName?: string;
  modifyVolumeStatus?: ModifyVolumeStatus;
  phase?: string;
}
export interface PersistentVolumeClaimCondition {
  lastProbeTime?: Time;
  lastTransitionTime?: Time;
  message?: string;
  reason?: string;
  status: string;
  type: string;
}
export interface ModifyVolumeStatus {
  status: string;
  targetVolumeAttributesClassName?: string;
}
export interface WorkflowMetadata {
  annotations?: {
    [k: string]: string;
  };
  labels?: {
    [k: string]: string;
  };
  labelsFrom?: {
    [k: string]: LabelValueFrom;
  };
}
export interface LabelValueFrom {
  expression: string;
}
export interface WorkflowTemplateRef {
  clusterScope?: boolean;
  name?: string;
}
export interface CronWorkflow {
  apiVersion?: "argoproj.io/v1alpha1";
  kind?: "CronWorkflow";
  metadata: ObjectMeta;
  spec: CronWorkflowSpec;
}
export interface CronWorkflowSpec {
  concurrencyPolicy?: string;
  failedJobsHistoryLimit?: number;
  schedules: string[];
  startingDeadlineSeconds?: number;
  stopStrategy?: StopStrategy;
  successfulJobsHistoryLimit?: number;
  suspend?: boolean;
  timezone?: string;
  when?: string;
  workflowMetadata?: ObjectMeta;
  workflowSpec: WorkflowSpec;
}
export interface StopStrategy {
  expression: string;
}
export interface Workflow {
  apiVersion?: "argoproj.io/v1alpha1";
  kind?: "Workflow";
  metadata: ObjectMeta;
  spec: WorkflowSpec;
}
