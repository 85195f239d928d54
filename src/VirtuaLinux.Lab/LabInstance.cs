using VirtuaLinux.Host;

namespace VirtuaLinux.Lab;

/// <summary>A many-tier simulation of a site: a SAN, a switch and blades in a network namespace of their own. It knows the product only as users do: consoles, media, power, HTTP.</summary>
/// <remarks>Everything it starts outlives the command that started it, and ends with <see cref="DownAsync(string, ICommandRunner?, CancellationToken)"/>.</remarks>
public sealed partial class LabInstance
{
    private readonly LabStore _store;
    private readonly ICommandRunner _runner;
    private readonly Dictionary<string, Blade> _blades;

    private LabInstance(LabStore store, ICommandRunner? runner)
    {
        _store = store;
        _runner = runner ?? new CommandRunner();
        var options = store.Read().Options;
        Network = new LabNetwork(options, _runner);
        San = new LabSan(store, Network, _runner);
        Blades = [.. options.Blades.Select(b => new Blade(b, store, Network, _runner))];
        _blades = Blades.ToDictionary(b => b.Name);
    }

    /// <summary>How the lab was made; secrets and sizes that were changed since are current.</summary>
    public LabOptions Options => _store.Read().Options;

    /// <summary>How blades run.</summary>
    public Accelerator Accelerator => _store.Read().Accelerator;

    /// <summary>The switch.</summary>
    public LabNetwork Network { get; }

    /// <summary>Tier 0.</summary>
    public LabSan San { get; }

    /// <summary>Tier 1.</summary>
    public IReadOnlyList<Blade> Blades { get; }

    /// <summary>The blade with this name.</summary>
    /// <exception cref="FailureException">There is none.</exception>
    public Blade this[string name] => _blades.GetValueOrDefault(name) ?? throw new FailureException($"no blade '{name}' in this lab; there are {string.Join(", ", _blades.Keys)}");

    /// <summary>Makes a lab with an empty SAN, all blades off.</summary>
    /// <exception cref="FailureException">Bad options, a lab of this name runs already, or something could not be started; then nothing is left running.</exception>
    public static async Task<LabInstance> CreateAsync(LabOptions options, ICommandRunner? runner = null, Action<string>? log = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        runner ??= new CommandRunner();
        var store = new LabStore(options.StateDirectory);
        if (store.TryRead() is { IsUp: true }) throw new FailureException($"a lab runs in {options.StateDirectory}; end it with 'virtualinux lab down'");
        Directory.CreateDirectory(options.StateDirectory);
        var accelerator = options.Accelerator ?? await AcceleratorProbe.ProbeAsync(options.ProbeKernel, runner, log, cancellationToken).ConfigureAwait(false);
        RefuseTakenName(options);
        if (Directory.Exists(Path.Combine(options.StateDirectory, "blades"))) Directory.Delete(Path.Combine(options.StateDirectory, "blades"), recursive: true);
        ForgetReservations(store);
        store.Write(new LabState { Options = options, Accelerator = accelerator });
        var lab = new LabInstance(store, runner);
        lab.San.MakeBackingFile(options.SanSize, fresh: true);
        await lab.BringUpAsync(cancellationToken).ConfigureAwait(false);
        return lab;
    }

    /// <summary>Opens a running lab.</summary>
    /// <exception cref="FailureException">None runs there.</exception>
    public static Task<LabInstance> OpenAsync(string stateDirectory, ICommandRunner? runner = null)
    {
        var store = new LabStore(Path.GetFullPath(stateDirectory));
        var state = store.Read();
        if (!state.IsUp || !LabNetwork.Exists(state.Options)) throw new FailureException($"the lab in {stateDirectory} is down; start it with 'virtualinux lab up'");
        return Task.FromResult(new LabInstance(store, runner));
    }

    /// <summary>Starts a lab that was taken down: the same SAN with what is on it, all blades off.</summary>
    public static async Task<LabInstance> StartAsync(string stateDirectory, ICommandRunner? runner = null, CancellationToken cancellationToken = default)
    {
        var store = new LabStore(Path.GetFullPath(stateDirectory));
        var state = store.Read();
        if (state.IsUp) throw new FailureException($"the lab in {stateDirectory} is up already");
        RefuseTakenName(state.Options);
        var lab = new LabInstance(store, runner);
        await lab.BringUpAsync(cancellationToken).ConfigureAwait(false);
        return lab;
    }

    /// <summary>Copies the SAN of this lab into a new one and starts that; media and firmware settings of the blades are not copied.</summary>
    /// <exception cref="FailureException">A blade of this lab is on: its SAN would be copied in the middle of a change.</exception>
    public Task<LabInstance> ForkAsync(string stateDirectory, string name, CancellationToken cancellationToken = default) =>
        ForkAsync(_store.Directory, stateDirectory, name, _runner, cancellationToken: cancellationToken);

    /// <summary>Copies the SAN of a lab, up or down, into a new one and starts that.</summary>
    /// <param name="original">State directory of the lab to copy.</param>
    /// <param name="stateDirectory">State directory of the new one.</param>
    /// <param name="name">Name of the new one.</param>
    /// <param name="runner">Runs external programs.</param>
    /// <param name="blades">Other machines in front of the same SAN; the same ones unless given.</param>
    /// <param name="san">Another target over the same LUN; the same kind unless given.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FailureException">A blade of that lab is on: its SAN would be copied in the middle of a change.</exception>
    public static async Task<LabInstance> ForkAsync(string original, string stateDirectory, string name, ICommandRunner? runner = null, IReadOnlyList<BladeOptions>? blades = null, SanKind? san = null, CancellationToken cancellationToken = default)
    {
        var from = new LabInstance(new LabStore(Path.GetFullPath(original)), runner);
        if (from.Blades.FirstOrDefault(b => b.IsOn) is { } on) throw new FailureException($"{on.Name} is on: power all blades off before the lab is forked");
        var options = from.Options with { StateDirectory = Path.GetFullPath(stateDirectory), SanDirectory = null, Name = name };
        if (blades is not null) options = options with { Blades = blades };
        if (san is { } kind) options = options with { SanKind = kind };
        options.Validate();
        var store = new LabStore(options.StateDirectory);
        if (store.TryRead() is { IsUp: true }) throw new FailureException($"a lab runs in {options.StateDirectory}; end it with 'virtualinux lab down'");
        RefuseTakenName(options);
        Directory.CreateDirectory(options.StateDirectory);
        await from._runner.RunAsync(ExternalCommand.Of("cp", "--sparse=always", "--reflink=auto", "--", from.San.BackingFile, Path.Combine(options.StateDirectory, "san.img")), cancellationToken).ConfigureAwait(false);
        from.CopyKeys(options.StateDirectory);
        ForgetReservations(store); // they are the array's, not the disk's
        store.Write(new LabState { Options = options, Accelerator = from.Accelerator });
        var lab = new LabInstance(store, runner);
        await lab.BringUpAsync(cancellationToken).ConfigureAwait(false);
        return lab;
    }

    /// <summary>Ends everything that the lab started. The SAN's file and the logs stay.</summary>
    public Task DownAsync(CancellationToken cancellationToken = default) => DownAsync(_store.Directory, _runner, cancellationToken);

    private async Task BringUpAsync(CancellationToken cancellationToken)
    {
        // Written first: whatever happens from here on, 'down' knows what to look for.
        await _store.UpdateAsync(s => s with { IsUp = true, San = null, SanControlPort = 0, Watcher = null, Blades = new Dictionary<string, BladeState>() }, cancellationToken).ConfigureAwait(false);
        try
        {
            await Network.CreateAsync(cancellationToken).ConfigureAwait(false);
            await San.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await DownAsync(CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    private static void ForgetReservations(LabStore store)
    {
        if (Directory.Exists(KernelTarget.DirectoryOf(store))) Directory.Delete(KernelTarget.DirectoryOf(store), recursive: true);
    }

    private static void RefuseTakenName(LabOptions options)
    {
        if (LabNetwork.Exists(options)) throw new FailureException($"the network namespace {options.Namespace} exists: a lab named '{options.Name}' runs from another state directory; end that one, or use another name");
    }
}
