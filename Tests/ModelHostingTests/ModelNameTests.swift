import ModelHosting
import Testing
