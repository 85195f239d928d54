using System.Text.Json.Serialization;

namespace VirtuaLinux.Model;

/// <summary>How machines that are not in the site get their slots, and with them the names that are proposed.</summary>
public sealed record SiteDiscovery
{
    /// <summary>The rule; order of arrival unless given.</summary>
    public SlotRule Slots { get; set; }

    /// <summary>With the rule <c>option82</c>: slots by switch port, as <c>remote/circuit</c> identifiers of the relay agent are listed (RFC 3046).</summary>
    public IReadOnlyDictionary<string, int> Ports { get; set; } = new Dictionary<string, int>();

    /// <summary>With the rule <c>list</c>: slots by MAC address or by the machine's UUID.</summary>
    public IReadOnlyDictionary<string, int> Machines { get; set; } = new Dictionary<string, int>();
}

/// <summary>Where a slot number comes from.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<SlotRule>))]
public enum SlotRule
{
    /// <summary>The machine that asks first gets the lowest free slot.</summary>
    [JsonStringEnumMemberName("arrival")]
    Arrival,

    /// <summary>The switch port that a relay agent names.</summary>
    [JsonStringEnumMemberName("option82")]
    Option82,

    /// <summary>A list of machines.</summary>
    [JsonStringEnumMemberName("list")]
    List,
}
