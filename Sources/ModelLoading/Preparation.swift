import InferenceGraph
import PreparedWeights
import TensorCore

/// The way from a loaded graph to a plan, with the large constants in a file where that can be.
struct Preparation {
  let graph: Graph
  let files: [MappedFile]
  let keepsGraphs: Bool

  struct Result {
    var optimized: Graph
    var plan: Plan
    var place: WeightsPlace
  }

  /// - Throws: what an operator or a pass throws. That no file can be used throws nothing: `Result.place` says so.
  func run(in folder: WeightsFolder?) throws -> Result {
    // Preparing makes and drops about as much memory as it keeps.
    defer { ModelMemory.giveBackFreed() }
    // Finding the weights has brought in what lies around their names and shapes.
    for file in files { file.dropPages() }
    guard let folder else { return try prepare(.inMemory, .memory(reason: nil)) }
    let key: WeightsKey
    do {
      key = try WeightsKey(folder, files)
    } catch {
      return try prepare(.inMemory, .memory(reason: error.description))
    }
    let path = "\(folder.path)/\(key.fileName)"
    if let file = try? WeightsFile(path: path, key: key.text),
      case .sound(let result) = try prepare(file, .file(path: path, isNew: false))
    {
      return result
    }
    return try build(key, folder, path)
  }

  /// Prepares in memory, writes what is held after that to a file, and prepares from the file.
  private func build(_ key: WeightsKey, _ folder: WeightsFolder, _ path: String) throws -> Result {
    var reason = ""
    // What nothing holds in the end is left out of the file, unless the preparation from it shows that it is read.
    for holdsAll in [false, true] {
      let recorder = WeightsRecorder(holdsAll: holdsAll)
      if let result = try record(recorder, key, folder) { return result }
      let file: WeightsFile
      do throws(WeightsFileError) {
        file = try WeightsFile(path: path, key: key.text)
      } catch {
        reason = error.description
        break
      }
      switch try prepare(file, .file(path: path, isNew: true)) {
      case .sound(let result): return result
      case .flawed(let flaw): reason = "\(path) cannot be used: \(flaw)"
      }
    }
    return try prepare(.inMemory, .memory(reason: reason))
  }

  /// Prepares in memory and writes what is held after that.
  ///
  /// - Returns: nil where there is a file now, else the preparation.
  private func record(_ recorder: WeightsRecorder, _ key: WeightsKey, _ folder: WeightsFolder) throws -> Result? {
    var result = try prepare(Constants(recorder), .memory(reason: nil))
    do throws(WeightsFileError) {
      let written = try withExtendedLifetime(result) { () throws(WeightsFileError) in
        try WeightsWriter.write(recorder, key: key.text, folder: folder.path, name: key.fileName)
      }
      return written == 0 ? result : nil
    } catch {
      result.place = .memory(reason: error.description)
      return result
    }
  }

  private enum FromFile {
    case sound(Result)
    case flawed(String)
  }

  private func prepare(_ file: WeightsFile, _ place: WeightsPlace) throws -> FromFile {
    let constants = PreparedConstants(file)
    let result = try prepare(Constants(constants), place)
    var held = HeldMemory()
    result.plan.addHeld(to: &held)
    if let flaw = constants.flaw { return .flawed(flaw) }
    return held.holdsUnknown ? .flawed("it lacks a constant that runs read") : .sound(result)
  }

  private func prepare(_ constants: Constants, _ place: WeightsPlace) throws -> Result {
    let optimized = try PassTable.optimize(graph, constants.part("passes"))
    let held = keepsGraphs ? optimized : optimized.interface
    return Result(optimized: held, plan: try Plan(consume optimized, constants.part("plan")), place: place)
  }
}
