import ArtifactS3
import Testing
